/** From votes to tallies and ranks. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { wins } from '../../shared/views/sites.ts';
import { type Vote, voteEvents, votesIn } from './contract.ts';
import { addLike, neverLiked, removeLike } from './scores.ts';

/** A viewer's last vote at one site. `likedSince` is when the present run of likes began. */
interface VoteRow {
  site: string;
  liked: number;
  time: number;
  likedSince: number;
  revision: number;
}

interface Tally {
  likes: number;
  trending: number;
}

/** Prepares the projection of VOTES. Tallies and ranks are written once for each movie of a batch, at its end. */
export function votesProjection(db: Database): Projection {
  const rowsOf = db.$client.prepare<[number, string], VoteRow>(
    `SELECT site, liked, time, liked_since AS likedSince, revision FROM votes WHERE movie_id = ? AND voter_id = ?`,
  );
  const put = db.$client.prepare(
    `INSERT OR REPLACE INTO votes (movie_id, voter_id, site, liked, time, liked_since, revision)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const tallyOf = db.$client.prepare<[number], Tally>('SELECT likes, trending FROM tallies WHERE movie_id = ?');
  const putTally = db.$client.prepare('INSERT OR REPLACE INTO tallies (movie_id, likes, trending) VALUES (?, ?, ?)');
  // FAIL instead of ABORT: SQLite then keeps no copies of pages for what the transaction around it undoes anyway.
  const rank = db.$client.prepare('UPDATE OR FAIL ranked SET likes = ?, trending = ? WHERE movie_id = ?');
  const changed = new Map<number, Tally>();

  function tally(movieId: number): Tally {
    let found = changed.get(movieId);
    if (!found) {
      found = tallyOf.get(movieId) ?? { likes: 0, trending: neverLiked };
      changed.set(movieId, found);
    }
    return found;
  }

  function applyVote({ movieId, voterId, liked }: Vote, event: StoredEvent): void {
    const rows = rowsOf.all(movieId, voterId);
    const own = rows.find(({ site }) => site === event.site);
    if (own && own.revision >= event.sequence) return;
    const { site, time, sequence: revision } = event;
    const likedSince = own?.liked === 1 ? own.likedSince : time;
    const next: VoteRow = { site, liked: liked ? 1 : 0, time, likedSince, revision };
    put.run(movieId, voterId, site, next.liked, time, likedSince, revision);

    const before = winner(rows);
    const after = winner([...rows.filter((row) => row !== own), next]);
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
      for (const vote of votesIn(event)) applyVote(vote, event);
    },
    finish() {
      for (const [movieId, { likes, trending }] of changed) {
        putTally.run(movieId, likes, trending);
        rank.run(likes, trending, movieId);
      }
      changed.clear();
    },
    abandon: () => changed.clear(),
  };
}

/** The vote that counts of those that sites have of one viewer and movie. */
export function winner<Row extends { site: string; time: number }>(rows: Row[]): Row | undefined {
  return rows.reduce<Row | undefined>((best, row) => (!best || wins(row, best) ? row : best), undefined);
}
