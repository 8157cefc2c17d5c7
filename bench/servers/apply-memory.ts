/**
 * Upper bound for writing in a rebuild: applies the same votes, already decoded and in memory, to an empty view in
 * transactions of 1,000. Arguments: number of votes, number of movies, database file, votes in a message.
 */

import { voteGiven, votesGiven } from '../../services/ranking/contract.ts';
import { votesProjection } from '../../services/ranking/votes-projection.ts';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import { type SyntheticVote, syntheticVotes } from '../lib/votes-data.ts';

const [votes = 0, movies = 0] = process.argv.slice(2, 4).map(Number);
const db = openDatabase(process.argv[4] as string);
const perMessage = Number(process.argv[5] ?? 1);
migrate(db, new URL('../../services/ranking/migrations/', import.meta.url));
const projection = votesProjection(db);
const time = Date.now();

function* events(): Generator<StoredEvent> {
  let sequence = 0;
  const common = { subject: 'votes.bench.batch', site: 'bench', time };
  let collected: SyntheticVote[] = [];
  for (const vote of syntheticVotes(votes, movies)) {
    if (perMessage === 1) {
      const { movieId, ...data } = vote;
      const tokens = { site: 'bench', movieId: String(movieId) };
      yield { ...common, type: voteGiven.type, data, tokens, sequence: ++sequence };
      continue;
    }
    collected.push(vote);
    if (collected.length < perMessage) continue;
    yield { ...common, type: votesGiven.type, data: collected, tokens: { site: 'bench' }, sequence: ++sequence };
    collected = [];
  }
}

let part: StoredEvent[] = [];
let seconds = 0;

/** Applies a part of the events, which is all that is timed: they are generated in parts that fit into memory. */
function applyPart(): void {
  const startedAt = performance.now();
  for (let from = 0; from < part.length; from += 1000) {
    db.$client.transaction(() => {
      for (const event of part.slice(from, from + 1000)) projection.apply(event);
      projection.finish?.();
    })();
  }
  seconds += (performance.now() - startedAt) / 1000;
  part = [];
}

for (const event of events()) {
  part.push(event);
  if (part.length * perMessage >= 100_000) applyPart();
}
applyPart();
const flushedAt = performance.now();
while (db.$client.transaction(() => projection.complete?.())());
seconds += (performance.now() - flushedAt) / 1000;
console.log(JSON.stringify({ votes, seconds }));
