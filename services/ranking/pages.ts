/** The rows of rankings: each page is a walk along one index, however many movies there are. */
import { and, desc, eq, lt, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/sqlite-core';
import { z } from 'zod';
import { decodeCursor } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { genreKeyOf, overall } from './catalogue-projection.ts';
import { ranked } from './schema.ts';

export type RankBy = 'likes' | 'trending' | 'rating';

export interface RankInput {
  genre?: string | undefined;
  by: RankBy;
  limit: number;
  cursor?: string | undefined;
}

export type Row = typeof ranked.$inferSelect;

/** Where a movie stands in a ranking. */
export interface Place {
  score: number;
  sortRating: number;
  titleKey: string;
  movieId: number;
}

/** Which part of a ranking a page is. */
export interface Range extends Pick<RankInput, 'by' | 'limit'> {
  genreKey: string;
  /** The place that it begins behind; undefined for the beginning. */
  after: (Place & { rank: number }) | undefined;
}

/** What a cursor says of the last movie of its page: its place, and its rank. */
const lastOfPage = z.tuple([z.number(), z.number(), z.string(), z.int(), z.int().min(1)]);

const scoreOf = { likes: 'likes', trending: 'trending', rating: 'weighted' } as const;

export function placeOf(by: RankBy, row: Row): Place {
  const { sortRating, titleKey, movieId } = row;
  return { score: row[scoreOf[by]], sortRating, titleKey, movieId };
}

/** Compares places in a ranking as SQLite does, for sorting. */
export function compare(by: RankBy, a: Place, b: Place): number {
  const ratings = by === 'rating' ? 0 : b.sortRating - a.sortRating;
  return b.score - a.score || ratings || bytewise(a.titleKey, b.titleKey) || a.movieId - b.movieId;
}

/** By code points, as UTF-8 is ordered: JavaScript compares UTF-16, where surrogates come before some other characters. */
function bytewise(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Says which ranking a cursor belongs to. */
export function scopeOf({ by }: RankInput, genreKey: string): string {
  return `ranking ${by} ${genreKey}`;
}

/** @throws AppError invalid for a cursor of another list */
export function rangeOf(input: RankInput): Range {
  const { genre, by, limit, cursor } = input;
  const genreKey = genre === undefined ? overall : genreKeyOf(genre);
  if (cursor === undefined) return { by, limit, genreKey, after: undefined };
  const [score, sortRating, titleKey, movieId, rank] = decodeCursor(scopeOf(input, genreKey), cursor, lastOfPage);
  return { by, limit, genreKey, after: { score, sortRating, titleKey, movieId, rank } };
}

/** Prepares reading pages of rankings: as many rows as a page has, and one more where there are more. */
export function rankedRows(db: Database): (range: Range) => Row[] {
  const rankings = { likes: prepared(db, 'likes'), trending: prepared(db, 'trending'), rating: prepared(db, 'rating') };
  return ({ by, limit, genreKey, after }) => {
    const { first, behind } = rankings[by];
    const page = { genreKey, limit: limit + 1 };
    return after ? behind.all({ ...page, ...after }) : first.all(page);
  };
}

function prepared(db: Database, by: RankBy) {
  const { first, behind } = rankingPages(db, by);
  return { first: first.prepare(), behind: behind.prepare() };
}

/**
 * Queries of the first page and of those behind it. Mixed directions cannot be one row comparison, and an OR of the
 * cases would walk over all ties before the page, which are most movies where few have likes. So each case is a
 * range of the index of its own, and SQLite merges them.
 */
export function rankingPages(db: Database, by: RankBy) {
  const asked = sql.placeholder;
  const { titleKey, movieId, sortRating } = ranked;
  const score = ranked[scoreOf[by]];
  const where = (...conditions: SQL[]) =>
    db
      .select()
      .from(ranked)
      .where(and(eq(ranked.genreKey, asked('genreKey')), ...conditions));
  const order = [desc(score), ...(by === 'rating' ? [] : [desc(sortRating)]), titleKey, movieId];
  const sameScore = eq(score, asked('score'));
  const sameRating = by === 'rating' ? [] : [eq(sortRating, asked('sortRating'))];
  const sameTo = where(
    sameScore,
    ...sameRating,
    sql`(${titleKey}, ${movieId}) > (${asked('titleKey')}, ${asked('movieId')})`,
  );
  const lowerScore = where(lt(score, asked('score')));
  const lowerRating = where(sameScore, lt(sortRating, asked('sortRating')));
  const behind = by === 'rating' ? unionAll(sameTo, lowerScore) : unionAll(sameTo, lowerRating, lowerScore);
  return {
    first: where()
      .orderBy(...order)
      .limit(asked('limit')),
    behind: behind.orderBy(...order).limit(asked('limit')),
  };
}
