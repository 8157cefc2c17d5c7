import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { movieStated } from '../movies/contract.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { voteGiven } from './contract.ts';
import { KnownLikes, type LikeChanges } from './known-likes.ts';
import { rankingQueries } from './queries.ts';
import { votesProjection } from './votes-projection.ts';

let sequence = 0;

function event(type: string, movieId: number, data: unknown): StoredEvent {
  const tokens = { site: 'hub', movieId: String(movieId) };
  const at = { site: 'hub', time: 1_700_000_000_000, sequence: ++sequence };
  return { type, data, subject: `any.hub.${movieId}`, tokens, ...at };
}

const alien = { title: 'Alien', genres: ['Horror'], rating: 8.5, votes: 900_000 };
const shown = (movieId: number) => event(movieStated.type, movieId, alien);
const gone = (movieId: number) => event(movieStated.type, movieId, { removed: true });
const liked = (movieId: number, voterId: string) => event(voteGiven.type, movieId, { voterId, liked: true });

/** A view whose queries know likes, and beside them queries that have only the rows. */
function openView(t: { onTestFinished(work: () => void): void }, settled = true) {
  const db = openDatabase(':memory:');
  t.onTestFinished(() => db.$client.close());
  migrate(db, new URL('./migrations/', import.meta.url));
  const known = new KnownLikes();
  const apply = (projection: Projection, events: StoredEvent[], fail = false): void => {
    try {
      db.$client.transaction(() => {
        for (const one of events) projection.apply(one);
        projection.finish?.();
        if (fail) throw new Error('the transaction fails');
      })();
    } catch {
      projection.abandon?.();
    }
    known.changed(projection.changes?.() as LikeChanges);
  };
  const likes = (movieId: number): number | undefined => {
    const answer = rankingQueries(db, known, () => settled).likes(movieId);
    assert.equal(answer, rankingQueries(db, new KnownLikes(), () => true).likes(movieId), 'what the rows say');
    return answer;
  };
  return { catalogue: catalogueProjection(db), votes: votesProjection(db), known, apply, likes };
}

test('known likes are those of the rows, after votes and changes of the catalogue', (t) => {
  const { catalogue, votes, apply, likes } = openView(t);
  assert.equal(likes(1), undefined);
  apply(votes, [liked(1, 'before the movie was there')]);
  assert.equal(likes(1), undefined);
  apply(catalogue, [shown(1), shown(2)]);
  assert.deepEqual([likes(1), likes(2)], [1, 0]);
  apply(votes, [liked(1, 'a'), liked(2, 'a'), liked(1, 'a'), liked(1, 'b')]);
  assert.deepEqual([likes(1), likes(2)], [3, 1]);
  apply(catalogue, [gone(1)]);
  assert.deepEqual([likes(1), likes(2)], [undefined, 1]);
  apply(votes, [liked(1, 'c')]);
  assert.equal(likes(1), undefined);
  apply(catalogue, [shown(1)]);
  assert.equal(likes(1), 4);
});

test('a transaction that failed leaves nothing in them', (t) => {
  const { catalogue, votes, apply, likes } = openView(t);
  apply(catalogue, [shown(1)]);
  assert.equal(likes(1), 0);
  apply(votes, [liked(1, 'a')], true);
  assert.equal(likes(1), 0);
  apply(catalogue, [gone(1)], true);
  assert.equal(likes(1), 0);
  apply(votes, [liked(1, 'b')]);
  assert.equal(likes(1), 1);
});

test('what rows say that may be newer than the last change is not kept', (t) => {
  const { catalogue, votes, known, apply, likes } = openView(t, false);
  apply(catalogue, [shown(1)]);
  assert.equal(likes(1), 0);
  apply(votes, [liked(1, 'a')]);
  // Another change of before, which is heard of only now, must not be shown behind the row.
  known.changed(new Map([[1, 0]]));
  assert.equal(likes(1), 1);
});
