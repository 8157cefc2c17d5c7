/** From votes to tallies and ranks. */
import { and, eq, ne, or, sql } from 'drizzle-orm';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import { insertNew, upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { winnerOf, withState } from '../../shared/views/sites.ts';
import { overall } from './catalogue-projection.ts';
import { type Vote, voteEvents, votesIn } from './contract.ts';
import { ranked, tallies, voteKeys, votes } from './schema.ts';
import { addLike, neverLiked, removeLike } from './scores.ts';

/** A viewer's last vote on a movie at one site. */
type SiteVote = Omit<typeof votes.$inferSelect, 'movieId' | 'voterId'>;
type Tally = Omit<typeof tallies.$inferSelect, 'movieId'>;

/**
 * Prepares the projection of VOTES. Tallies are written once for each movie of a batch, at its end. Its ranks follow later,
 * once for all the likes that came meanwhile: they are half of what a like costs.
 */
export function votesProjection(db: Database): Projection {
  const asked = sql.placeholder;
  const { site, liked, time, likedSince, revision } = votes;
  const rowsOf = db
    .select({ site, liked, time, likedSince, revision })
    .from(votes)
    .where(and(eq(votes.movieId, asked('movieId')), eq(votes.voterId, asked('voterId'))))
    .prepare();
  const put = upsert(db, votes, [votes.movieId, votes.voterId, votes.site]).prepare();
  const putKey = insertNew(db, voteKeys).prepare();
  const firstUse = db
    .select({ movieId: voteKeys.movieId, voterId: voteKeys.voterId })
    .from(voteKeys)
    .where(and(eq(voteKeys.key, asked('key')), eq(voteKeys.site, asked('site'))))
    .prepare();
  const tallyOf = db
    .select({ likes: tallies.likes, trending: tallies.trending })
    .from(tallies)
    .where(eq(tallies.movieId, asked('movieId')))
    .prepare();
  const putTally = upsert(db, tallies, [tallies.movieId]).prepare();
  // drizzle has no OR FAIL: for ABORT, the default, SQLite copies each page beforehand, which is a fifth of a like's cost.
  const rank = db.$client.prepare<Tally & { movieId: number }>(
    'UPDATE OR FAIL ranked SET likes = :likes, trending = :trending WHERE movie_id = :movieId',
  );
  const changed = new Map<number, Tally>();
  /** Movies whose ranks do not show their tallies; first those that an earlier process has left. */
  const stale = new Set(
    db
      .select({ movieId: tallies.movieId })
      .from(tallies)
      .innerJoin(ranked, and(eq(ranked.movieId, tallies.movieId), eq(ranked.genreKey, overall)))
      .where(or(ne(ranked.likes, tallies.likes), ne(ranked.trending, tallies.trending)))
      .all()
      .map(({ movieId }) => movieId),
  );

  function tally(movieId: number): Tally {
    let found = changed.get(movieId);
    if (!found) {
      found = tallyOf.get({ movieId }) ?? { likes: 0, trending: neverLiked };
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

  function applyVote({ movieId, voterId, liked }: Vote, event: StoredEvent): void {
    const rows = rowsOf.all({ movieId, voterId });
    const { site, time, sequence: revision } = event;
    const own = rows.find((row) => row.site === site);
    const likedSince = own?.liked === 1 ? own.likedSince : time;
    const next: SiteVote = { site, liked: liked ? 1 : 0, time, likedSince, revision };
    const states = withState(rows, next);
    if (!states) return;
    put.run({ movieId, voterId, ...next });

    const before = winnerOf(rows);
    const after = winnerOf(states);
    const same = before?.liked === after?.liked && before?.likedSince === after?.likedSince;
    if (same) return;
    const counted = tally(movieId);
    if (before?.liked) {
      counted.likes--;
      counted.trending = removeLike(counted.trending, before.likedSince, counted.likes);
    }
    if (after?.liked) {
      counted.likes++;
      counted.trending = addLike(counted.trending, after.likedSince);
    }
  }

  return {
    stream: 'VOTES',
    filter: 'votes.>',
    events: voteEvents,
    apply(event) {
      for (const vote of votesIn(event, (one) => keyFits(one, event))) applyVote(vote, event);
    },
    finish() {
      for (const [movieId, { likes, trending }] of changed) {
        putTally.run({ movieId, likes, trending });
        stale.add(movieId);
      }
      changed.clear();
    },
    abandon: () => changed.clear(),
    get pending() {
      return stale.size;
    },
    flush() {
      db.$client.transaction(() => {
        for (const movieId of stale) {
          const now = tallyOf.get({ movieId });
          if (now) rank.run({ movieId, ...now });
        }
      })();
      stale.clear();
    },
  };
}
