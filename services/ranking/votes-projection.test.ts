import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { randomOf } from '../movies/testing.ts';
import { trendingOf, weightOf } from './scores.ts';
import { batch, movie, openRanking, type Ranking, since, vote } from './testing.ts';
import { votesProjection } from './votes-projection.ts';

/** Makes a view of three movies and applies events to it. */
function viewOf(...events: StoredEvent[]): Ranking {
  const view = openRanking();
  const genres = ['Drama', 'War'];
  view.apply(...[1, 2, 3].map((movieId) => movie(movieId, { title: `Film ${movieId}`, genres }, { time: 1 })));
  view.apply(...events);
  return view;
}

/** Returns the likes of a movie, after asserting that all of its rankings show the same number. */
function likesOf(view: Ranking, movieId: number): unknown {
  const shown = (genre?: string) => view.rank(genre ? { genre } : {}).items.find((item) => item.movieId === movieId);
  const likes = view.queries.likes(movieId);
  for (const genre of [undefined, 'drama', 'war']) assert.equal(shown(genre)?.likes, likes, genre);
  return likes;
}

test('counts a viewer once, also after the like was taken back and repeated', () => {
  using view = viewOf(vote(1, 'ann'), vote(1, 'ann'), vote(1, 'bob'));
  assert.equal(likesOf(view, 1), 2);
  assert.deepEqual([view.queries.liked(1, 'ann'), view.queries.liked(2, 'ann')], [true, false]);
  view.apply(vote(1, 'ann', false), vote(1, 'ann', false));
  assert.equal(likesOf(view, 1), 1);
  assert.equal(view.queries.liked(1, 'ann'), false);
  view.apply(vote(1, 'ann'));
  assert.equal(likesOf(view, 1), 2);
  assert.equal(likesOf(view, 2), 0);
});

test('counts nothing when an unlike comes without a like', () => {
  using view = viewOf(vote(1, 'ann', false), vote(1, 'bob'), vote(1, 'eve', false));
  assert.equal(likesOf(view, 1), 1);
});

test('ignores votes that reuse a key for another movie or voter at the same site', () => {
  using view = viewOf(vote(1, 'ann', true, {}, 'k'), vote(2, 'ann', true, {}, 'k'), vote(1, 'bob', true, {}, 'k'));
  assert.deepEqual([likesOf(view, 1), likesOf(view, 2)], [1, 0]);
  view.apply(vote(2, 'ann', true, { site: 'edge' }, 'k'), vote(1, 'ann', true, { site: 'edge' }, 'k'));
  assert.deepEqual([likesOf(view, 1), likesOf(view, 2)], [1, 1]);
  // An ignored vote must not replace an earlier vote in the same message.
  const given = (liked: boolean, key: string) => ({ movieId: 3, voterId: 'ann', liked, key });
  view.apply(batch([given(true, 'l'), given(false, 'k')]));
  assert.equal(likesOf(view, 3), 1);
  view.apply(vote(1, 'ann', false, {}, 'k'));
  assert.equal(likesOf(view, 1), 0);
});

test('leaves the same rows as without likes when all likes are taken back', () => {
  using view = viewOf(vote(1, 'ann'), vote(1, 'bob'), vote(1, 'ann', false), vote(1, 'bob', false));
  const [first, , third] = view.db.$client.prepare<[], object>("SELECT * FROM ranked WHERE genre_key = ''").all();
  assert.deepEqual({ ...first, movie_id: 3, title: 'Film 3', title_key: 'film 3' }, third);
});

test('keeps the time of a repeated like, and resets it when the like was taken back', () => {
  const shown = (view: Ranking): unknown =>
    view.db.$client.prepare('SELECT trending FROM votes WHERE movie_id = 1 AND likes IS NOT NULL').pluck().get();
  const ann = (liked: boolean, afterMs: number) => vote(1, 'ann', liked, { time: since + afterMs });
  using view = viewOf(ann(true, 1000), ann(true, 9_000_000));
  assert.equal(shown(view), trendingOf(weightOf(since + 1000)));
  view.apply(ann(false, 9_000_001), ann(true, 9_000_002));
  assert.equal(shown(view), trendingOf(weightOf(since + 9_000_002)));
});

test('stores 0 as the beginning of a run of likes unless the last like is later', () => {
  using view = viewOf(vote(1, 'ann', true, { time: 1000 }));
  const stored = view.db.$client.prepare("SELECT liked_since FROM votes WHERE voter_id = 'ann'").pluck();
  assert.equal(stored.get(), 0);
  view.apply(vote(1, 'ann', true, { time: 2000 }));
  assert.equal(stored.get(), 1000);
  view.apply(vote(1, 'ann', true, { time: 3000 }));
  assert.equal(stored.get(), 1000);
  view.apply(vote(1, 'ann', false, { time: 4000 }));
  assert.equal(stored.get(), 1000);
  view.apply(vote(1, 'ann', true, { time: 5000 }));
  assert.equal(stored.get(), 0);
});

test('counts and takes back a like at time 0', () => {
  using view = viewOf(
    vote(1, 'ann', true, { time: 0 }),
    vote(1, 'ann', true, { time: 5000 }),
    vote(1, 'ann', false, { time: 6000 }),
    vote(2, 'ann'),
  );
  assert.deepEqual([likesOf(view, 1), likesOf(view, 2)], [0, 1]);
});

test('counts votes the same however they are grouped into messages', () => {
  const random = randomOf(4);
  const votes = Array.from({ length: 200 }, () => {
    return { movieId: 1 + random.int(3), voterId: `v${random.int(20)}`, liked: random.int(3) > 0 };
  });
  using alone = viewOf(...votes.map(({ movieId, voterId, liked }) => vote(movieId, voterId, liked, { time: 5 })));
  for (const size of [1, 7, 200]) {
    const messages = Array.from({ length: Math.ceil(votes.length / size) }, (_, index) =>
      batch(votes.slice(index * size, (index + 1) * size), { time: 5 }),
    );
    using together = viewOf(...messages);
    assert.deepEqual(together.rows(), alone.rows(), `${size} votes a message`);
  }
});

test('counts the last of several votes of one viewer in a message', () => {
  const ann = { movieId: 1, voterId: 'ann' };
  const event = batch([
    { ...ann, liked: true },
    { ...ann, liked: false },
  ]);
  using view = viewOf(event, event);
  assert.equal(likesOf(view, 1), 0);
  view.apply(
    batch([
      { ...ann, liked: false },
      { ...ann, liked: true },
    ]),
  );
  assert.equal(likesOf(view, 1), 1);
});

test('counts the latest vote across sites, then the greater site name; within a site, the last in the stream', () => {
  const north = vote(1, 'ann', true, { site: 'north', time: 100 });
  const south = vote(1, 'ann', false, { site: 'south', time: 100 });
  const back = vote(1, 'ann', true, { site: 'south', time: 90 });
  const later = vote(1, 'ann', true, { site: 'north', time: 101 });
  const likes = (...events: StoredEvent[]): unknown => {
    using view = viewOf(...events);
    return likesOf(view, 1);
  };
  assert.deepEqual([likes(north, south), likes(south, north)], [0, 0]);
  assert.deepEqual([likes(north, later, south), likes(south, north, later)], [1, 1]);
  assert.deepEqual([likes(south, back), likes(north, south, back), likes(south, back, north)], [1, 1, 1]);
});

test('counts a viewer once when two sites have a like', () => {
  using view = viewOf(vote(1, 'ann', true, { site: 'east' }), vote(1, 'ann', true, { site: 'west' }));
  assert.equal(likesOf(view, 1), 1);
  view.apply(vote(1, 'ann', false, { site: 'east' }));
  assert.equal(likesOf(view, 1), 0);
});

test('produces the same rows in whatever order the sites are read', () => {
  for (let seed = 1; seed <= 15; seed++) {
    const random = randomOf(seed);
    // The clocks of the sites are hours apart, stop, and run backwards. Each list is in the stream order of its site.
    const histories = ['east', 'hub', 'west'].map((site, index) =>
      Array.from({ length: 30 }, (): StoredEvent => {
        const at = { site, time: since + index * 7_200_000 + random.int(12) * 1_800_000 };
        const one = () => ({ movieId: 1 + random.int(3), voterId: `v${random.int(4)}`, liked: random.int(3) > 0 });
        if (random.int(4) === 0) return batch([one(), one(), one()], at);
        const { movieId, voterId, liked } = one();
        return vote(movieId, voterId, liked, at);
      }),
    );
    const [first, ...others] = [0, 1, 2, 3].map(() => {
      const rest = histories.map((history) => [...history]);
      using view = viewOf();
      while (rest.some((history) => history.length > 0)) {
        const some = Array.from({ length: 1 + random.int(8) }, () => random.pick(rest).shift());
        view.apply(...some.filter((event) => event !== undefined));
      }
      return view.rows();
    });
    for (const other of others) assert.deepEqual(other, first, `seed ${seed}`);
  }
});

test('counts votes that arrive before their movie once the movie is added', () => {
  using view = openRanking();
  view.apply(vote(9, 'ann'), vote(9, 'bob'), vote(9, 'eve'), vote(9, 'eve', false));
  assert.equal(view.queries.shows(9), undefined);
  assert.deepEqual(view.rank().items, []);
  view.apply(movie(9, { title: 'Late', genres: ['Drama', 'War'] }));
  assert.equal(likesOf(view, 9), 2);
  using early = openRanking();
  early.apply(movie(9, { title: 'Late', genres: ['Drama', 'War'] }, { time: 1 }), vote(9, 'ann'), vote(9, 'bob'));
  view.apply(vote(9, 'ann'));
  assert.equal(likesOf(view, 9), likesOf(early, 9));
});

test('counts votes of one message for several movies', () => {
  using view = viewOf(batch([1, 2, 3].map((movieId) => ({ movieId, voterId: 'ann', liked: true }))), vote(2, 'bob'));
  assert.deepEqual([likesOf(view, 1), likesOf(view, 2), likesOf(view, 3)], [1, 2, 1]);
});

test('refuses a subject with an invalid movie id', () => {
  using view = viewOf();
  for (const movieId of ['abc', '0', '-1', '2147483648', '', '01', '1e2', '0x10', '+1', 'NaN']) {
    assert.throws(
      () => view.apply(vote(movieId, 'ann')),
      (error: unknown) =>
        error instanceof AppError && error.message.includes(`movieId ${movieId} in the subject is not`),
      movieId,
    );
  }
  view.apply(vote(2_147_483_647, 'ann'));
  assert.deepEqual(
    view.rows().tallies.map(({ movie_id }) => movie_id),
    [2_147_483_647],
  );
});

test('writes the stale ranks that an earlier process has left', () => {
  using view = viewOf();
  const { db } = view;
  const left = votesProjection(db);
  db.$client.transaction(() => {
    left.apply(vote(1, 'alice'));
    left.finish?.();
  })();
  assert.equal(left.pending, 1);
  assert.equal(view.rank().items.find(({ movieId }) => movieId === 1)?.likes, 0);
  const next = votesProjection(db);
  assert.equal(next.pending, 1);
  next.flush?.();
  assert.equal(next.pending, 0);
  assert.equal(view.rank().items.find(({ movieId }) => movieId === 1)?.likes, 1);
});
