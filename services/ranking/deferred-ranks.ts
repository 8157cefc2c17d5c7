/** Ranks of movies whose likes have changed: written once for all the likes that came meanwhile. */
import type { Database } from '../../shared/views/database.ts';
import type { DeferredRows } from '../../shared/views/deferred-rows.ts';

interface DeferredRanks extends DeferredRows {
  /** The tally of a movie has been written, with `unranked`. */
  add(movieId: number): void;
}

/** Of a view's file: what was put off when it was last closed, too. */
export function deferredRanks(db: Database): DeferredRanks {
  // FAIL instead of ABORT: SQLite then keeps no copies of pages for what the transaction around it undoes anyway.
  const rank = db.$client.prepare(
    `UPDATE OR FAIL ranked SET (likes, trending) = (SELECT likes, trending FROM tallies WHERE movie_id = :movieId)
     WHERE movie_id = :movieId`,
  );
  const ranked = db.$client.prepare('UPDATE tallies SET unranked = 0 WHERE movie_id = ?');
  const movies = new Set(
    db.$client.prepare<[], number>('SELECT movie_id FROM tallies WHERE unranked = 1').pluck().all(),
  );

  return {
    get size() {
      return movies.size;
    },
    add: (movieId) => void movies.add(movieId),
    write(most) {
      const oldest: number[] = [];
      for (const movieId of movies) {
        if (oldest.length >= most) break;
        oldest.push(movieId);
      }
      db.$client.transaction(() => {
        for (const movieId of oldest) {
          rank.run({ movieId });
          ranked.run(movieId);
        }
      })();
      for (const movieId of oldest) movies.delete(movieId);
    },
  };
}
