/** Turns votes into tallies and ranks. */
import { sql } from 'drizzle-orm';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import { insertNew, matching, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { winnerOf, withState } from '../../shared/views/sites.ts';
import { type Vote, voteEvents, votesIn } from './contract.ts';
import type { Range } from './pages.ts';
import { keeps, type Partition } from './partition.ts';
import { Ranks } from './ranks.ts';
import { voteKeys, votes } from './schema.ts';
import { weightOf } from './scores.ts';
import { StagedVotes, type StoredVote } from './staged-votes.ts';
import { type Tally, tallyReader, tallyWriter } from './tallies.ts';

/** A viewer's last vote for a movie at one site. */
type SiteVote = Omit<typeof votes.$inferSelect, 'movieId' | 'voterId' | 'likes' | 'weight' | 'trending'>;

/**
 * Prepares the projection of VOTES. With a partition, it keeps only the votes for movies of that part, but all
 * Idempotency-Keys, because a key may be sent with movies of several parts. The votes of a batch are written together
 * at its end, grouped by movie: so each page, which also has the tally, is read and written once. Ranks are written
 * later (ranks.ts). While a view is built, votes are only staged, and written when all of them have been read.
 */
export function votesProjection(db: Database, partition?: Partition): Projection {
  const { site, liked, time, likedSince } = votes;
  const rowsOf = db
    .select({ site, liked, time, likedSince: sql<number>`iif(${likedSince} = 0, ${time}, ${likedSince})` })
    .from(votes)
    .where(matching(votes, 'movieId', 'voterId'))
    .prepare();
  const put = upsert(db, votes, [votes.movieId, votes.voterId, votes.site]);
  const putKey = insertNew(db, voteKeys);
  const firstUse = db
    .select({ movieId: voteKeys.movieId, voterId: voteKeys.voterId })
    .from(voteKeys)
    .where(matching(voteKeys, 'key', 'site'))
    .prepare();
  const tallyOf = tallyReader(db);
  const putTally = tallyWriter(db);
  const ranks = new Ranks(db);
  const staged = ranks.incremental ? undefined : new StagedVotes(db);
  const batch: StoredVote[] = [];
  /** Tallies that the current batch changes. */
  const changedTallies = new Map<number, Tally>();
  /** Whether `changedTallies` have been written. If so, they are committed before the projection is called again. */
  let written = false;

  /** Passes the tallies of the last batch to the ranks, once they are committed. */
  function afterCommit(): void {
    if (!written) return;
    for (const [movieId, tally] of changedTallies) ranks.tallyCommitted(movieId, tally);
    reset();
  }

  function reset(): void {
    batch.length = 0;
    changedTallies.clear();
    written = false;
  }

  function tallyToChange(movieId: number): Tally {
    let tally = changedTallies.get(movieId);
    if (!tally) {
      const { likes, weight } = ranks.staleTally(movieId) ?? tallyOf(movieId);
      tally = { likes, weight };
      changedTallies.set(movieId, tally);
    }
    return tally;
  }

  /** Returns whether a vote has no key, or one that was first used for its movie and voter. Records a first use. */
  function keyMatches({ key, movieId, voterId }: Vote, { site }: StoredEvent): boolean {
    if (key === undefined) return true;
    putKey.run({ key, site, movieId, voterId });
    const first = firstUse.get({ key, site });
    return first?.movieId === movieId && first.voterId === voterId;
  }

  /** Writes a vote, and updates the tally in memory. */
  function writeVote({ movieId, voterId, liked, site, time }: StoredVote): void {
    const rows = rowsOf.all({ movieId, voterId });
    const own = rows.find((row) => row.site === site);
    const likedSince = own?.liked === 1 ? own.likedSince : time;
    const next: SiteVote = { site, liked: liked ? 1 : 0, time, likedSince };
    // 0 means that the run of likes began with this vote. A run that began at time 0 is stored as 1.
    const stored = { ...next, likedSince: likedSince === time ? 0 : Math.max(1, likedSince) };
    put.run({ movieId, voterId, ...stored, likes: null, weight: null, trending: null });

    const before = winnerOf(rows);
    const after = winnerOf(withState(rows, next));
    const same = before?.liked === after?.liked && before?.likedSince === after?.likedSince;
    if (same) return;
    const tally = tallyToChange(movieId);
    if (before?.liked) {
      tally.likes--;
      tally.weight -= weightOf(before.likedSince);
    }
    if (after?.liked) {
      tally.likes++;
      tally.weight += weightOf(after.likedSince);
    }
  }

  /** Writes votes that are grouped by movie, and each movie's tally after its last vote. */
  function writeVotes(grouped: StoredVote[]): void {
    for (const [index, vote] of grouped.entries()) {
      const { movieId } = vote;
      writeVote(vote);
      if (grouped[index + 1]?.movieId === movieId) continue;
      const tally = changedTallies.get(movieId);
      if (!tally) continue;
      putTally(movieId, tally);
      ranks.markStale(movieId);
    }
    written = true;
  }

  return {
    stream: 'VOTES',
    filter: 'votes.>',
    events: voteEvents,
    apply(event) {
      afterCommit();
      const { site, time, sequence: revision } = event;
      for (const vote of votesIn(event, (one) => keyMatches(one, event) && keeps(partition, one.movieId))) {
        const { movieId, voterId, liked } = vote;
        batch.push({ movieId, voterId, liked, site, time, revision });
      }
    },
    finish() {
      // The sort is stable: votes for the same movie stay in stream order.
      const grouped = batch.splice(0).sort((a, b) => a.movieId - b.movieId);
      if (ranks.incremental) writeVotes(grouped);
      else for (const vote of grouped) staged?.put(vote);
    },
    complete() {
      afterCommit();
      const taken = ranks.incremental ? [] : (staged?.take() ?? []);
      if (taken.length > 0) {
        writeVotes(taken);
        return 'applied votes';
      }
      // In every step from here on, because a rollback of the first one brings the tables back.
      staged?.drop();
      return ranks.buildStep();
    },
    abandon() {
      reset();
      ranks.abandon();
    },
    get pending() {
      afterCommit();
      return ranks.pending;
    },
    flush(range) {
      afterCommit();
      if (range) ranks.writeForPage(range as Range);
      else ranks.writeNext();
    },
  };
}
