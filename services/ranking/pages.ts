/** Reads pages of rankings, each by a range scan of one index: its cost does not grow with the number of movies. */
import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';
import { decodeCursor, type PageInput } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { genreKeyOf, overall } from './catalogue-projection.ts';
import { ranked } from './schema.ts';

export type RankBy = 'likes' | 'trending' | 'rating';

export interface RankInput extends PageInput {
  genre?: string | undefined;
  by: RankBy;
}

export type RankedRow = typeof ranked.$inferSelect;

/** The values that a ranking is sorted by. */
export interface SortKey {
  score: number;
  sortRating: number;
  titleKey: string;
  movieId: number;
}

/** The part of a ranking that a page shows. */
export interface Range extends Pick<RankInput, 'by' | 'limit'> {
  genreKey: string;
  /** Sort key and rank of the movie before the page; undefined for the first page. */
  after: (SortKey & { rank: number }) | undefined;
}

/** Values in a cursor: score, sortRating, titleKey, movieId and rank of the last movie of its page. */
const cursorValues = z.tuple([z.number(), z.number(), z.string(), z.int(), z.int().min(1)]);

const scoreColumn = { likes: 'likes', trending: 'trending', rating: 'weighted' } as const;

export function sortKeyOf(by: RankBy, row: RankedRow): SortKey {
  const { sortRating, titleKey, movieId } = row;
  return { score: row[scoreColumn[by]], sortRating, titleKey, movieId };
}

/** Compares sort keys in the order of the queries below. */
export function compareSortKeys(by: RankBy, a: SortKey, b: SortKey): number {
  const ratings = by === 'rating' ? 0 : b.sortRating - a.sortRating;
  return b.score - a.score || ratings || compareAsUtf8(a.titleKey, b.titleKey) || a.movieId - b.movieId;
}

/** Compares bytes like SQLite. JavaScript's `<` compares UTF-16, which sorts surrogates before some characters. */
function compareAsUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Returns the name of a ranking, which binds a cursor to it. */
export function scopeOf({ by }: RankInput, genreKey: string): string {
  return `ranking ${by} ${genreKey}`;
}

/** Returns the range that a request asks for. @throws AppError invalid for a cursor of another list */
export function rangeOf(input: RankInput): Range {
  const { genre, by, limit, cursor } = input;
  const genreKey = genre === undefined ? overall : genreKeyOf(genre);
  if (cursor === undefined) return { by, limit, genreKey, after: undefined };
  const [score, sortRating, titleKey, movieId, rank] = decodeCursor(scopeOf(input, genreKey), cursor, cursorValues);
  return { by, limit, genreKey, after: { score, sortRating, titleKey, movieId, rank } };
}

/** Prepares a reader of ranking pages. It returns one row more than the limit if there is a next page. */
export function rankedRows(db: Database): (range: Range) => RankedRow[] {
  const queries = { likes: prepared(db, 'likes'), trending: prepared(db, 'trending'), rating: prepared(db, 'rating') };
  return ({ by, limit, genreKey, after }) => {
    const { first, next } = queries[by];
    const page = { genreKey, limit: limit + 1 };
    return after ? next.all({ ...page, ...after }) : first.all(page);
  };
}

function prepared(db: Database, by: RankBy) {
  const { first, next } = rankingPages(db, by);
  return { first: first.prepare(), next: next.prepare() };
}

/**
 * Builds the queries for the first page and for the pages after it. A single row comparison cannot express the mixed
 * sort directions. An OR of the cases would scan all ties before the page, which are most movies when few have likes.
 * So each case is an index range of its own, and SQLite merges the ranges.
 */
export function rankingPages(db: Database, by: RankBy) {
  const { placeholder } = sql;
  const { titleKey, movieId, sortRating } = ranked;
  const score = ranked[scoreColumn[by]];
  const where = (...conditions: SQL[]) =>
    db
      .select()
      .from(ranked)
      .where(and(eq(ranked.genreKey, placeholder('genreKey')), ...conditions));
  const order = [desc(score), ...(by === 'rating' ? [] : [desc(sortRating)]), titleKey, movieId];
  const sameScore = eq(score, placeholder('score'));
  const sameRating = by === 'rating' ? [] : [eq(sortRating, placeholder('sortRating'))];
  const laterTitle = where(
    sameScore,
    ...sameRating,
    sql`(${titleKey}, ${movieId}) > (${placeholder('titleKey')}, ${placeholder('movieId')})`,
  );
  const lowerRating = where(sameScore, lt(sortRating, placeholder('sortRating')));
  const lowerScore = where(lt(score, placeholder('score')));
  const next = by === 'rating' ? unionAll(laterTitle, lowerScore) : unionAll(laterTitle, lowerRating, lowerScore);
  return {
    first: where()
      .orderBy(...order)
      .limit(placeholder('limit')),
    next: next.orderBy(...order).limit(placeholder('limit')),
  };
}
