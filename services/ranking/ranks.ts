/**
 * Ranks follow the tallies that they are made of. Those of a movie are a row for each of its genres in two indices, all in
 * other places: where likes are spread over a million movies they are four fifths of what a like would cost. So they are
 * written when nothing else is to be done, and before that only where somebody looks at them.
 */
import { and, eq, lte, ne, or, sql } from 'drizzle-orm';
import { type Database, lateIndices } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import { overall } from './catalogue-projection.ts';
import { compare, type Place, placeOf, type Range, type Row, rankedRows } from './pages.ts';
import { ranked, rankedIndices, staleRanks, votes } from './schema.ts';
import { trendingOf } from './scores.ts';
import { readWeight, type Tally, tallyOfRanked } from './tallies.ts';

/** So many are written in one turn: with 100,000 movies and more each takes up to a third of a millisecond. */
const atOnce = 100;
/** Movies whose ranks are written in one transaction when a view has been built. */
const atEnd = 10_000;

interface Stale extends Tally {
  trending: number;
  rating: number;
}

/**
 * The movies whose ranks do not show their tallies, of those that have been noted. SQLite keeps the order of a cross join: in
 * the one that it would choose it goes through all that has been noted for each movie.
 */
export function leftStale(db: Database) {
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
        tallyOfRanked,
        or(ne(ranked.likes, likes), ne(ranked.trending, trending)),
      ),
    );
}

export class Ranks {
  readonly #db: Database;
  readonly #indices;
  readonly #rowsOf;
  readonly #placeOf;
  readonly #write;
  readonly #note;
  readonly #noted;
  readonly #forget;
  /** Whether ranks are written as likes come, and not once for all when the view has been built. */
  follows: boolean;
  /** When it has been built: the last movie whose ranks are written. */
  #writtenTo = 0;
  /** The tallies of movies whose ranks do not show them. */
  readonly #stale = new Map<number, Stale>();
  /** Movies in the order in which they are written, the next one last; and what had been noted when they were put in order. */
  #order: number[] = [];
  #orderedUpTo = 0;

  /** Begins with what an earlier process has left. */
  constructor(db: Database) {
    this.#db = db;
    this.#indices = lateIndices(db, rankedIndices);
    this.follows = this.#hasRanks;
    this.#rowsOf = rankedRows(db);
    const { sortRating, titleKey } = ranked;
    this.#placeOf = db
      .select({ sortRating, titleKey })
      .from(ranked)
      .where(matching(ranked, 'movieId', 'genreKey'))
      .prepare();
    // drizzle has no OR FAIL: for ABORT, the default, SQLite copies each page beforehand, which is a fifth of a like's cost.
    this.#write = db.$client.prepare<Pick<Stale, 'likes' | 'trending'> & { movieId: number }>(
      'UPDATE OR FAIL ranked SET likes = :likes, trending = :trending WHERE movie_id = :movieId',
    );
    this.#note = db
      .insert(staleRanks)
      .values({ movieId: sql.placeholder('movieId') })
      .prepare();
    this.#noted = db
      .select({ last: sql<number>`coalesce(max(${staleRanks.id}), 0)` })
      .from(staleRanks)
      .prepare();
    this.#forget = db
      .delete(staleRanks)
      .where(lte(staleRanks.id, sql.placeholder('upTo')))
      .prepare();
    for (const { movieId, weight, ...stale } of this.follows ? leftStale(db).all() : []) {
      this.#stale.set(movieId, { ...stale, weight: readWeight(weight as Buffer) } as Stale);
    }
  }

  /** Whether ranks have been written, and are in order as far as there are indices. */
  get #hasRanks(): boolean {
    return !this.#indices.missing().includes('ranked_by_likes');
  }

  /** Movies whose ranks are to be written. */
  get pending(): number {
    return this.#stale.size;
  }

  /** What the ranks of a movie have to show, where they do not yet. */
  tallyOf(movieId: number): Tally | undefined {
    return this.#stale.get(movieId);
  }

  /** The tally of a movie changes, in this transaction. */
  changing(movieId: number): void {
    if (this.follows && !this.#stale.has(movieId)) this.#note.run({ movieId });
  }

  /** The tally of a movie has changed, and is stored. */
  changed(movieId: number, { likes, weight }: Tally): void {
    if (!this.follows) return;
    const rating = this.#stale.get(movieId)?.rating ?? this.#placeOf.get({ movieId, genreKey: overall })?.sortRating;
    if (rating !== undefined) this.#stale.set(movieId, { likes, weight, trending: trendingOf(weight), rating });
  }

  /**
   * Writes the ranks of some movies where none have followed yet, or an index of theirs, in this transaction. From the first on
   * they follow. @returns what is left to do
   */
  writeAll(): string | undefined {
    const { $client: client } = this.#db;
    if (this.#indices.missing().length === 0) return undefined;
    if (!this.follows) {
      this.#forget.run({ upTo: Number.MAX_SAFE_INTEGER });
      this.follows = true;
    }
    const next = this.#hasRanks
      ? undefined
      : client
          .prepare<[number, number], number | null>(
            "SELECT max(movie_id) FROM (SELECT movie_id FROM ranked WHERE genre_key = '' AND movie_id > ? ORDER BY 1 LIMIT ?)",
          )
          .pluck()
          .get(this.#writtenTo, atEnd);
    if (typeof next !== 'number') return this.#indices.add();
    client
      .prepare(`UPDATE OR FAIL ranked SET (likes, trending) = (
        SELECT likes, trending FROM votes WHERE votes.movie_id = ranked.movie_id AND voter_id = '' AND site = ''
        UNION ALL SELECT likes, trending LIMIT 1) WHERE movie_id > ? AND movie_id <= ?`)
      .run(this.#writtenTo, next);
    this.#writtenTo = next;
    return 'ranks are written';
  }

  /** A transaction failed: what it wrote has to be written again. */
  abandon(): void {
    this.#writtenTo = 0;
  }

  /** Writes some, in the order of the likes: then neighbours in an index are written together, which is half of the cost. */
  writeSome(): void {
    if (this.#order.length === 0) {
      this.#forget.run({ upTo: this.#orderedUpTo });
      this.#orderedUpTo = this.#noted.get()?.last ?? 0;
      const stale = [...this.#stale].sort(([, a], [, b]) => a.likes - b.likes || a.rating - b.rating);
      this.#order = stale.map(([movieId]) => movieId);
    }
    this.#writeThese(this.#order.slice(-atOnce));
    this.#order.splice(-atOnce);
  }

  /** Writes those without which a page of a ranking would show others than it should. */
  writeFor(range: Range): void {
    for (let found = this.#onPage(range); found.length > 0; found = this.#onPage(range)) this.#writeThese(found);
  }

  #writeThese(movieIds: number[]): void {
    this.#db.$client.transaction(() => {
      for (const movieId of movieIds) {
        const stale = this.#stale.get(movieId);
        if (stale) this.#write.run({ movieId, likes: stale.likes, trending: stale.trending });
      }
    })();
    for (const movieId of movieIds) this.#stale.delete(movieId);
    if (this.#stale.size > 0) return;
    this.#forget.run({ upTo: Number.MAX_SAFE_INTEGER });
    this.#order = [];
    this.#orderedUpTo = 0;
  }

  /** Movies that a page shows as they were, and those that belong on it. */
  #onPage(range: Range): number[] {
    const { by, limit, after } = range;
    const rows = this.#rowsOf(range);
    const shown = rows.map(({ movieId }) => movieId).filter((movieId) => this.#stale.has(movieId));
    const last = rows.length > limit ? placeOf(by, rows.at(-1) as Row) : undefined;
    // A ranking that is one page shows every movie already, if not where it belongs.
    if (by === 'rating' || (!after && !last)) return shown;
    return [...new Set([...shown, ...this.#between({ ...range, by }, last)])];
  }

  /** Of the movies whose place is on a page now, before the `last` that it shows, those that come first. */
  #between({ by, genreKey, limit, after }: Range & { by: 'likes' | 'trending' }, last: Place | undefined): number[] {
    const found: Place[] = [];
    const lowest = last?.score ?? Number.NEGATIVE_INFINITY;
    const highest = after?.score ?? Number.POSITIVE_INFINITY;
    for (const [movieId, { [by]: score }] of this.#stale) {
      if (score < lowest || score > highest) continue;
      const row = this.#placeOf.get({ movieId, genreKey });
      if (!row) continue;
      const place = { ...row, score, movieId };
      if ((!after || compare(by, after, place) < 0) && (!last || compare(by, place, last) < 0)) found.push(place);
    }
    return found
      .sort((a, b) => compare(by, a, b))
      .slice(0, limit + 1)
      .map(({ movieId }) => movieId);
  }
}
