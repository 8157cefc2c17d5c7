/** From votes to tallies and ranks. */
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
import { type GivenVote, StagedVotes } from './staged-votes.ts';
import { type Tally, tallyReader, tallyWriter } from './tallies.ts';

/** A viewer's last vote on a movie at one site. */
type SiteVote = Omit<typeof votes.$inferSelect, 'movieId' | 'voterId' | 'likes' | 'weight' | 'trending'>;

/**
 * Prepares the projection of VOTES, of all movies or of a part of them. What keys stand for is kept in each part, as a key may
 * come with movies of several. The votes of a batch are written at its end, movie by movie: each page is read and written
 * once for all of them, and with it the tally. Ranks follow later (ranks.ts). In a view that is being built all votes are put
 * down first, and written at its end.
 */
export function votesProjection(db: Database, partition?: Partition): Projection {
  const { site, liked, time, likedSince, revision } = votes;
  const rowsOf = db
    .select({ site, liked, time, likedSince: sql<number>`iif(${likedSince} = 0, ${time}, ${likedSince})`, revision })
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
  const staged = ranks.follows ? undefined : new StagedVotes(db);
  const given: GivenVote[] = [];
  const changed = new Map<number, Tally>();
  /** Whether the tallies that have changed are written: they are stored when the next transaction begins. */
  let written = false;

  /** Tells the ranks of what is stored. */
  function settle(): void {
    if (!written) return;
    for (const [movieId, tally] of changed) ranks.changed(movieId, tally);
    forget();
  }

  function forget(): void {
    given.length = 0;
    changed.clear();
    written = false;
  }

  function tally(movieId: number): Tally {
    let found = changed.get(movieId);
    if (!found) {
      const { likes, weight } = ranks.tallyOf(movieId) ?? tallyOf(movieId);
      found = { likes, weight };
      changed.set(movieId, found);
    }
    return found;
  }

  /** Whether a vote has no key, or one that was first sent for its movie and voter. */
  function keyFits({ key, movieId, voterId }: Vote, { site }: StoredEvent): boolean {
    if (key === undefined) return true;
    putKey.run({ key, site, movieId, voterId });
    const first = firstUse.get({ key, site });
    return first?.movieId === movieId && first.voterId === voterId;
  }

  function write({ movieId, voterId, liked, site, time, revision }: GivenVote): void {
    const rows = rowsOf.all({ movieId, voterId });
    const own = rows.find((row) => row.site === site);
    const likedSince = own?.liked === 1 ? own.likedSince : time;
    const next: SiteVote = { site, liked: liked ? 1 : 0, time, likedSince, revision };
    const states = withState(rows, next);
    if (!states) return;
    // A run that began in 1970 must not pass for one that began with this vote.
    const stored = { ...next, likedSince: likedSince === time ? 0 : Math.max(1, likedSince) };
    put.run({ movieId, voterId, ...stored, likes: null, weight: null, trending: null });

    const before = winnerOf(rows);
    const after = winnerOf(states);
    const same = before?.liked === after?.liked && before?.likedSince === after?.likedSince;
    if (same) return;
    const counted = tally(movieId);
    if (before?.liked) {
      counted.likes--;
      counted.weight -= weightOf(before.likedSince);
    }
    if (after?.liked) {
      counted.likes++;
      counted.weight += weightOf(after.likedSince);
    }
  }

  function writeAll(sorted: GivenVote[]): void {
    for (const [index, one] of sorted.entries()) {
      const { movieId } = one;
      write(one);
      if (sorted[index + 1]?.movieId === movieId) continue;
      const tally = changed.get(movieId);
      if (!tally) continue;
      putTally(movieId, tally);
      ranks.changing(movieId);
    }
    written = true;
  }

  return {
    stream: 'VOTES',
    filter: 'votes.>',
    archived: true,
    events: voteEvents,
    apply(event) {
      settle();
      const { site, time, sequence: revision } = event;
      for (const vote of votesIn(event, (one) => keyFits(one, event) && keeps(partition, one.movieId))) {
        const { movieId, voterId, liked } = vote;
        given.push({ movieId, voterId, liked, site, time, revision });
      }
    },
    finish() {
      const sorted = inOrder(given.splice(0));
      if (ranks.follows) writeAll(sorted);
      else for (const one of sorted) staged?.put(one);
    },
    complete() {
      settle();
      if (!ranks.follows && staged) {
        const some = staged.take();
        if (some.length > 0) {
          writeAll(some);
          return 'votes are applied';
        }
        staged.drop();
      }
      return ranks.writeAll();
    },
    abandon() {
      forget();
      ranks.abandon();
    },
    get pending() {
      settle();
      return ranks.pending;
    },
    flush(range) {
      settle();
      if (range) ranks.writeFor(range as Range);
      else ranks.writeSome();
    },
  };
}

/** By movies; those of a movie stay in their order. */
function inOrder(given: GivenVote[]): GivenVote[] {
  return given.sort((a, b) => a.movieId - b.movieId);
}
