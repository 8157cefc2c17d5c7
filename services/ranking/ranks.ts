/**
 * Copies likes and trending scores from the tallies to the `ranked` rows, with a delay. A movie has a row per genre,
 * and each change moves these rows in two indices. With likes spread over a million movies, that is four fifths of a
 * like's cost. So ranks are written when the view is idle; until then, only those that a requested page depends on.
 */
import { and, eq, lte, ne, or, sql } from 'drizzle-orm';
import { type Database, lateIndices } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import { overall } from './catalogue-projection.ts';
import { compareSortKeys, type Range, type RankedRow, rankedRows, type SortKey, sortKeyOf } from './pages.ts';
import { ranked, rankedIndices, staleRanks, votes } from './schema.ts';
import { trendingOf } from './scores.ts';
import { decodeWeight, isTallyOfRanked, type Tally } from './tallies.ts';

/** Movies per flush. With 100,000 movies or more, each takes up to a third of a millisecond. */
const moviesPerFlush = 100;
/** Movies per transaction when a new view is completed. */
const moviesPerBuildStep = 10_000;

/** A tally that the `ranked` rows do not show yet. */
interface StaleTally extends Tally {
  trending: number;
  rating: number;
}

/**
 * Selects the tallies of movies in `stale_ranks` whose `ranked` rows differ from them. The cross joins fix the join
 * order: with the order that SQLite would choose, it would scan all of `stale_ranks` for each movie.
 */
export function staleTallies(db: Database) {
  const { movieId, sortRating: rating } = ranked;
  const { likes, weight, trending } = votes;
  return db
    .select({ movieId, likes, weight, trending, rating })
    .from(staleRanks)
    .crossJoin(ranked)
    .crossJoin(votes)
    .where(
      and(
        eq(movieId, staleRanks.movieId),
        eq(ranked.genreKey, overall),
        isTallyOfRanked,
        or(ne(ranked.likes, likes), ne(ranked.trending, trending)),
      ),
    );
}

export class Ranks {
  readonly #db: Database;
  readonly #indices;
  readonly #rowsOf;
  readonly #rankedRow;
  readonly #update;
  readonly #insertStale;
  readonly #lastStaleId;
  readonly #deleteStale;
  /** Whether ranks are updated after likes. While a view is built, all of them are written at its end instead. */
  incremental: boolean;
  /** While a new view is completed: the last movie whose ranks have been written. */
  #writtenTo = 0;
  readonly #stale = new Map<number, StaleTally>();
  /** Movies whose ranks `writeNext` will write; the next one is last. */
  #queue: number[] = [];
  /** Highest id in `stale_ranks` when the queue was filled. Rows up to it are obsolete when the queue is empty. */
  #queuedUpTo = 0;

  /** Continues with the stale ranks that an earlier process has left in the file. */
  constructor(db: Database) {
    this.#db = db;
    this.#indices = lateIndices(db, rankedIndices);
    this.incremental = this.#hasRanks;
    this.#rowsOf = rankedRows(db);
    const { sortRating, titleKey } = ranked;
    this.#rankedRow = db
      .select({ sortRating, titleKey })
      .from(ranked)
      .where(matching(ranked, 'movieId', 'genreKey'))
      .prepare();
    // drizzle has no OR FAIL. For the default, OR ABORT, SQLite copies each page first: a fifth of a like's cost.
    this.#update = db.$client.prepare<Pick<StaleTally, 'likes' | 'trending'> & { movieId: number }>(
      'UPDATE OR FAIL ranked SET likes = :likes, trending = :trending WHERE movie_id = :movieId',
    );
    this.#insertStale = db
      .insert(staleRanks)
      .values({ movieId: sql.placeholder('movieId') })
      .prepare();
    this.#lastStaleId = db
      .select({ id: sql<number>`coalesce(max(${staleRanks.id}), 0)` })
      .from(staleRanks)
      .prepare();
    this.#deleteStale = db
      .delete(staleRanks)
      .where(lte(staleRanks.id, sql.placeholder('upTo')))
      .prepare();
    for (const { movieId, weight, ...tally } of this.incremental ? staleTallies(db).all() : []) {
      this.#stale.set(movieId, { ...tally, weight: decodeWeight(weight as Buffer) } as StaleTally);
    }
  }

  /** Whether the ranks of all movies have been written. Only then is the first index created. */
  get #hasRanks(): boolean {
    return !this.#indices.missing().includes('ranked_by_likes');
  }

  /** Number of movies with stale ranks. */
  get pending(): number {
    return this.#stale.size;
  }

  /** Returns the current tally of a movie if its ranks are stale, which saves a query. */
  staleTally(movieId: number): Tally | undefined {
    return this.#stale.get(movieId);
  }

  /** Records in the file that a movie's ranks become stale. Call in the transaction that changes its tally. */
  markStale(movieId: number): void {
    if (this.incremental && !this.#stale.has(movieId)) this.#insertStale.run({ movieId });
  }

  /** Takes over a changed tally. Call after its transaction has committed. */
  tallyCommitted(movieId: number, { likes, weight }: Tally): void {
    if (!this.incremental) return;
    const rating = this.#stale.get(movieId)?.rating ?? this.#rankedRow.get({ movieId, genreKey: overall })?.sortRating;
    if (rating !== undefined) this.#stale.set(movieId, { likes, weight, trending: trendingOf(weight), rating });
  }

  /**
   * Does one step to complete a new view, in the caller's transaction: writes the ranks of some movies, or creates an
   * index. From the first step on, ranks are updated incrementally.
   * @returns what was done; undefined when nothing was left to do
   */
  buildStep(): string | undefined {
    const { $client: client } = this.#db;
    if (this.#indices.missing().length === 0) return undefined;
    if (!this.incremental) {
      this.#deleteStale.run({ upTo: Number.MAX_SAFE_INTEGER });
      this.incremental = true;
    }
    const next = this.#hasRanks
      ? undefined
      : client
          .prepare<[number, number], number | null>(
            "SELECT max(movie_id) FROM (SELECT movie_id FROM ranked WHERE genre_key = '' AND movie_id > ? ORDER BY 1 LIMIT ?)",
          )
          .pluck()
          .get(this.#writtenTo, moviesPerBuildStep);
    if (typeof next !== 'number') return this.#indices.add();
    // A row without a tally keeps its values.
    client
      .prepare(`UPDATE OR FAIL ranked SET (likes, trending) = (
        SELECT likes, trending FROM votes WHERE votes.movie_id = ranked.movie_id AND voter_id = '' AND site = ''
        UNION ALL SELECT likes, trending LIMIT 1) WHERE movie_id > ? AND movie_id <= ?`)
      .run(this.#writtenTo, next);
    this.#writtenTo = next;
    return 'wrote ranks';
  }

  /** Starts over with the ranks of a new view, because a transaction failed. */
  abandon(): void {
    this.#writtenTo = 0;
  }

  /** Writes some stale ranks, ordered by likes: writing neighbours in an index together halves the cost. */
  writeNext(): void {
    if (this.#queue.length === 0) {
      this.#deleteStale.run({ upTo: this.#queuedUpTo });
      this.#queuedUpTo = this.#lastStaleId.get()?.id ?? 0;
      const stale = [...this.#stale].sort(([, a], [, b]) => a.likes - b.likes || a.rating - b.rating);
      this.#queue = stale.map(([movieId]) => movieId);
    }
    this.#write(this.#queue.slice(-moviesPerFlush));
    this.#queue.splice(-moviesPerFlush);
  }

  /** Writes the stale ranks that a page depends on. Writing some may move others onto the page, so this repeats. */
  writeForPage(range: Range): void {
    for (let stale = this.#staleOnPage(range); stale.length > 0; stale = this.#staleOnPage(range)) this.#write(stale);
  }

  #write(movieIds: number[]): void {
    this.#db.$client.transaction(() => {
      for (const movieId of movieIds) {
        const stale = this.#stale.get(movieId);
        if (stale) this.#update.run({ movieId, likes: stale.likes, trending: stale.trending });
      }
    })();
    for (const movieId of movieIds) this.#stale.delete(movieId);
    if (this.#stale.size > 0) return;
    this.#deleteStale.run({ upTo: Number.MAX_SAFE_INTEGER });
    this.#queue = [];
    this.#queuedUpTo = 0;
  }

  /** Returns the movies with stale ranks that the page shows now, and those that it should show. */
  #staleOnPage(range: Range): number[] {
    const { by, limit, after } = range;
    const rows = this.#rowsOf(range);
    const shown = rows.map(({ movieId }) => movieId).filter((movieId) => this.#stale.has(movieId));
    const last = rows.length > limit ? sortKeyOf(by, rows.at(-1) as RankedRow) : undefined;
    // The order by rating does not depend on likes, and a ranking that fits on one page already shows every movie.
    if (by === 'rating' || (!after && !last)) return shown;
    return [...new Set([...shown, ...this.#missingOnPage({ ...range, by }, last)])];
  }

  /** Returns, in order, up to a page of movies whose current tally places them between `after` and `last`. */
  #missingOnPage(range: Range & { by: 'likes' | 'trending' }, last: SortKey | undefined): number[] {
    const { by, genreKey, limit, after } = range;
    const found: SortKey[] = [];
    const lowest = last?.score ?? Number.NEGATIVE_INFINITY;
    const highest = after?.score ?? Number.POSITIVE_INFINITY;
    for (const [movieId, { [by]: score }] of this.#stale) {
      if (score < lowest || score > highest) continue;
      const row = this.#rankedRow.get({ movieId, genreKey });
      if (!row) continue;
      const key = { ...row, score, movieId };
      const isAfter = !after || compareSortKeys(by, after, key) < 0;
      if (isAfter && (!last || compareSortKeys(by, key, last) < 0)) found.push(key);
    }
    return found
      .sort((a, b) => compareSortKeys(by, a, b))
      .slice(0, limit + 1)
      .map(({ movieId }) => movieId);
  }
}
