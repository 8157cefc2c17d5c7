/** From rows to answers: each a walk along one index, however many movies there are. */
import { and, desc, eq, gt, lt, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/sqlite-core';
import { type CursorKey, decodeCursor, notACursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { winnerOf } from '../../shared/views/sites.ts';
import { genreKeyOf, overall } from './catalogue-projection.ts';
import { ranked, tallies, voteKeys, votes } from './schema.ts';

export type RankBy = 'likes' | 'trending' | 'rating';

export interface RankInput {
  genre?: string;
  by: RankBy;
  limit: number;
  cursor?: string | undefined;
}

const scoreOf = { likes: 'likes', trending: 'trending', rating: 'weighted' } as const;

export type RankingQueries = ReturnType<typeof rankingQueries>;

/** Prepares the queries of a ranking view. */
export function rankingQueries(db: Database) {
  const asked = sql.placeholder;
  const { movieId, genreKey, title } = ranked;
  // Of the tally: ranks follow it later.
  const likes = sql<number>`coalesce(${tallies.likes}, 0)`.as('likes');
  const tally = eq(tallies.movieId, movieId);
  const shown = db
    .select({ movieId })
    .from(ranked)
    .where(and(eq(movieId, asked('movieId')), eq(genreKey, overall)))
    .prepare();
  const likesOf = db
    .select({ likes: tallies.likes })
    .from(tallies)
    .where(eq(tallies.movieId, asked('movieId')))
    .prepare();
  const votesOf = db
    .select({ site: votes.site, time: votes.time, liked: votes.liked })
    .from(votes)
    .where(and(eq(votes.movieId, asked('movieId')), eq(votes.voterId, asked('voterId'))))
    .prepare();
  const usesOf = db
    .select()
    .from(voteKeys)
    .where(eq(voteKeys.key, asked('key')))
    .prepare();
  // A + keeps SQLite from an index of the genre, whose rows it would have to sort.
  const all = db
    .select({ movieId, title, likes })
    .from(ranked)
    .leftJoin(tallies, tally)
    .where(and(sql`+${eq(genreKey, overall)}`, gt(movieId, asked('after'))))
    .orderBy(movieId)
    .limit(asked('limit'))
    .prepare();
  const rankings = { likes: prepared(db, 'likes'), trending: prepared(db, 'trending'), rating: prepared(db, 'rating') };

  return {
    /** Whether the catalogue shows a movie; undefined where it does not. */
    shows: (movieId: number): true | undefined => shown.get({ movieId }) && true,
    /** Likes of a movie, whether the catalogue shows it or not. */
    likes: (movieId: number): number => likesOf.get({ movieId })?.likes ?? 0,
    /** Whether a viewer likes a movie. */
    liked: (movieId: number, voterId: string) => winnerOf(votesOf.all({ movieId, voterId }))?.liked === 1,
    /** What a key stands for, at each site where it came. */
    usesOf: (key: string) => usesOf.all({ key }),
    /** Likes of all movies by id. @throws AppError invalid for a cursor of another list. */
    votes(limit: number, cursor: string | undefined) {
      const after = cursor === undefined ? 0 : decodeCursor('votes', cursor, 1)[0];
      if (!Number.isSafeInteger(after)) throw notACursor();
      const rows = all.all({ after, limit: limit + 1 });
      return paginate(rows, limit, 'votes', (row): CursorKey => [row.movieId]);
    },
    /** A page of a ranking. @throws AppError invalid for a cursor of another list. */
    rank({ genre, by, limit, cursor }: RankInput) {
      const genreKey = genre === undefined ? overall : genreKeyOf(genre);
      const scope = `ranking ${by} ${genreKey}`;
      const after = cursor === undefined ? undefined : lastOf(decodeCursor(scope, cursor, 5));
      const { first, behind } = rankings[by];
      const page = { genreKey, limit: limit + 1 };
      const rows = after ? behind.all({ ...page, ...after }) : first.all(page);
      const firstRank = (after?.rank ?? 0) + 1;
      const { items, next } = paginate(
        rows,
        limit,
        scope,
        (row): CursorKey => [row[scoreOf[by]], row.sortRating, row.titleKey, row.movieId, firstRank + limit - 1],
      );
      return {
        items: items.map(({ movieId, title, likes, rating }, index) => ({
          rank: firstRank + index,
          movieId,
          title,
          likes,
          rating,
        })),
        next,
      };
    },
  };
}

/** What a cursor says of the last movie of its page. @throws AppError invalid where no movie can be meant. */
function lastOf([score, sortRating, titleKey, movieId, rank]: CursorKey) {
  const numbers = Number.isFinite(score) && Number.isFinite(sortRating);
  const counts = Number.isSafeInteger(movieId) && Number.isSafeInteger(rank) && Number(rank) > 0;
  if (!numbers || !counts || typeof titleKey !== 'string') throw notACursor();
  return { score, sortRating, titleKey, movieId, rank: rank as number };
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
