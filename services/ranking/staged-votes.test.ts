import assert from 'node:assert/strict';
import { test } from 'vitest';
import { openDatabase } from '../../shared/views/database.ts';
import { StagedVotes, type StoredVote } from './staged-votes.ts';

test('takes the votes of a bucket in parts, grouped by movie and in order per viewer', () => {
  const db = openDatabase(':memory:');
  using _ = { [Symbol.dispose]: () => void db.$client.close() };
  const staged = new StagedVotes(db, 100);
  const given = Array.from(
    { length: 500 },
    (_, index): StoredVote => ({
      movieId: (index * 7) % 10,
      voterId: `voter${(index * 3) % 7}`,
      liked: index % 2 === 0,
      site: index % 3 === 0 ? 'edge1' : 'hub',
      time: index,
      revision: 1 + Math.floor(index / 4),
    }),
  );
  for (const vote of given) staged.put(vote);
  const parts: StoredVote[][] = [];
  for (let part = staged.take(); part.length > 0; part = staged.take()) parts.push(part);
  assert.equal(parts.length, 5);
  for (const part of parts) {
    const movies = part.map(({ movieId }) => movieId);
    assert.deepEqual(
      movies,
      movies.toSorted((a, b) => a - b),
    );
  }
  const ofViewers = (votes: StoredVote[]) =>
    Object.groupBy(votes, ({ movieId, voterId, site }) => `${movieId} ${voterId} ${site}`);
  assert.deepEqual(ofViewers(parts.flat()), ofViewers(given));
});
