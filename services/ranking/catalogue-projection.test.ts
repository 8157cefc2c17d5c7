import assert from 'node:assert/strict';
import { test } from 'vitest';
import { AppError } from '../../shared/operations/errors.ts';
import { randomOf } from '../movies/testing.ts';
import { batch, movie, openRanking, type Ranking, since, vote } from './testing.ts';

/** Returns the movie ids of a whole ranking, by genre or overall. */
const listed = (view: Ranking, genre?: string): number[] => view.walk(genre === undefined ? {} : { genre });

test('ranks a movie once overall and once in each genre when its genres repeat', () => {
  using view = openRanking();
  view.apply(
    movie(1, { title: 'Alien', genres: ['Horror', 'Sci-Fi', 'horror', 'HORROR'], rating: 8.5, votes: 10_000 }),
  );
  for (const genre of [undefined, 'horror', 'sci-fi']) {
    const { items } = view.rank(genre === undefined ? {} : { genre });
    assert.deepEqual(items, [{ rank: 1, movieId: 1, title: 'Alien', likes: 0, rating: 8.5 }]);
  }
  assert.equal(view.rows().ranked.length, 3);
  assert.deepEqual(listed(view, 'drama'), []);
});

test('shows the new fields and the old likes when a movie changes', () => {
  using view = openRanking();
  view.apply(movie(1, { title: 'Alien', genres: ['Horror', 'Drama'], rating: 1, votes: 9 }), vote(1, 'ann'));
  view.apply(movie(1, { title: 'Aliens', genres: ['Drama', 'War'], rating: 8, votes: 900 }));
  const shown = { rank: 1, movieId: 1, title: 'Aliens', likes: 1, rating: 8 };
  for (const genre of ['drama', 'war']) assert.deepEqual(view.rank({ genre }).items, [shown], genre);
  for (const by of ['likes', 'trending', 'rating'] as const) assert.deepEqual(view.rank({ by }).items, [shown], by);
  assert.deepEqual(listed(view, 'horror'), []);
  view.apply(vote(1, 'bob'));
  assert.deepEqual(view.rank({ genre: 'war' }).items, [{ ...shown, likes: 2 }]);
  assert.equal(view.rows().ranked.length, 3);
});

test('leaves the same rows as a new movie when every field of a movie changes', () => {
  const last = { title: 'Élan', genres: [], rating: null, votes: null };
  using changed = openRanking();
  changed.apply(movie(1, { title: 'A', genres: ['B', 'C'], rating: 5, votes: 5 }), movie(1, last, { time: 7 }));
  using same = openRanking();
  same.apply(movie(1, last, { time: 7 }));
  assert.deepEqual(changed.rows(), same.rows());
});

test('hides a removed movie, and restores its likes when it is added again', () => {
  using view = openRanking();
  view.apply(movie(1, { title: 'Alien', genres: ['Horror'] }), vote(1, 'ann'), movie(1, null));
  assert.deepEqual([listed(view), listed(view, 'horror'), view.queries.shows(1)], [[], [], undefined]);
  assert.deepEqual(view.queries.votes({ limit: 50 }).items, []);
  assert.deepEqual(view.rows().ranked, []);
  view.apply(vote(1, 'bob'), vote(1, 'ann', false), vote(1, 'eve'));
  assert.equal(view.queries.shows(1), undefined);
  view.apply(movie(1, { title: 'Alien', genres: ['Drama'] }));
  assert.deepEqual([listed(view, 'drama'), listed(view, 'horror')], [[1], []]);
  assert.deepEqual([view.queries.likes(1), view.rank().items[0]?.likes], [2, 2]);

  view.apply(movie(1, null), movie(1, null));
  assert.deepEqual(view.rows().ranked, []);
});

test('the last event in the stream counts, whichever site it names', () => {
  using view = openRanking();
  view.apply(movie(1, { title: 'Edge' }, { site: 'edge', time: 200 }), movie(1, { title: 'Hub' }, { time: 100 }));
  assert.deepEqual(
    view.rank().items.map(({ title }) => title),
    ['Hub'],
  );
  view.apply(movie(1, null, { site: 'edge', time: 50 }));
  assert.deepEqual(view.rank().items, []);
});

test('produces the same rows in whatever order the streams are read', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = randomOf(seed);
    const timeOf = (index: number): number => since + index * 3_600_000 + random.int(10) * 1_800_000;
    const genres = ['Drama', 'drama', 'Comédie', 'War', 'Sci-Fi'];
    const histories = [
      Array.from({ length: 40 }, () => {
        const fields = {
          title: random.pick(['Alien', 'Élan', 'Zulu']),
          genres: genres.filter(() => random.int(2) === 0),
          rating: random.pick([null, 5, 7.5]),
          votes: random.pick([null, 20_000]),
        };
        return movie(1 + random.int(3), random.int(4) === 0 ? null : fields);
      }),
      ...['east', 'hub', 'west'].map((site, index) =>
        Array.from({ length: 20 }, () => {
          const one = { movieId: 1 + random.int(3), voterId: `v${random.int(4)}`, liked: random.int(3) > 0 };
          return batch([one], { site, time: timeOf(index) });
        }),
      ),
    ];
    const [first, ...others] = [0, 1, 2].map(() => {
      const rest = histories.map((history) => [...history]);
      using view = openRanking();
      while (rest.some((history) => history.length > 0)) {
        const some = Array.from({ length: 1 + random.int(8) }, () => random.pick(rest).shift());
        view.apply(...some.filter((event) => event !== undefined));
      }
      return view.rows();
    });
    for (const other of others) assert.deepEqual(other, first, `seed ${seed}`);
  }
});

test('refuses a subject with an invalid movie id or another id than the payload', () => {
  using view = openRanking();
  for (const movieId of ['abc', '0', '-1', '2147483648', '1.5', '01', '1e2']) {
    assert.throws(() => view.apply(movie(movieId, { title: 'None' })), AppError, movieId);
  }
  const other = movie(1, { title: 'Other' });
  assert.throws(() => view.apply({ ...other, data: { ...(other.data as object), movieId: 2 } }), AppError);
  assert.deepEqual(view.rows().ranked, []);
});

test('treats a genre with a line break as one genre', () => {
  using view = openRanking();
  view.apply(movie(1, { title: 'A', genres: ['Film\nnoir'] }), vote(1, 'ann'));
  assert.equal(view.rank({ genre: 'film\nnoir' }).items[0]?.likes, 1);
  view.apply(movie(1, { title: 'A', genres: [] }));
  assert.deepEqual(view.walk({ genre: 'film\nnoir' }), []);
});

test('does not mix up a genre of accents only with the overall ranking', () => {
  using view = openRanking();
  view.apply(movie(1, { title: 'A', genres: ['Drama'] }), movie(2, { title: 'B', genres: ['\u0301'] }));
  assert.deepEqual(view.walk(), [1, 2]);
  assert.deepEqual(view.walk({ genre: '\u0301' }), [2]);
});
