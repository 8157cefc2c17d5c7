/** The queries of the ranking view, each prepared once. */
import { and, eq, gt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, type PageInput, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import { winnerOf } from '../../shared/views/sites.ts';
import { overall } from './catalogue-projection.ts';
import { type RankedRow, type RankInput, rangeOf, rankedRows, scopeOf, sortKeyOf } from './pages.ts';
import { ranked, voteKeys, votes } from './schema.ts';
import { isTally, isTallyOfRanked } from './tallies.ts';

export type MovieRow = ReturnType<RankingQueries['movies']>[number];
export type RankingQueries = ReturnType<typeof rankingQueries>;

/** Prepares the queries of a ranking view. */
export function rankingQueries(db: Database) {
  const { placeholder } = sql;
  const { movieId, genreKey, title } = ranked;
  // From the tally, because likes in `ranked` are written later (see ranks.ts).
  const likes = sql<number>`coalesce(${votes.likes}, 0)`.as('likes');
  const shown = db
    .select({ movieId })
    .from(ranked)
    .where(and(eq(movieId, placeholder('movieId')), eq(genreKey, overall)))
    .prepare();
  const likesOf = db
    .select({ likes: votes.likes })
    .from(votes)
    .where(and(eq(votes.movieId, placeholder('movieId')), isTally))
    .prepare();
  const votesOf = db
    .select({ site: votes.site, time: votes.time, liked: votes.liked })
    .from(votes)
    .where(matching(votes, 'movieId', 'voterId'))
    .prepare();
  const usesOf = db
    .select()
    .from(voteKeys)
    .where(eq(voteKeys.key, placeholder('key')))
    .prepare();
  // The unary + stops SQLite from using an index on the genre, which would need a sort.
  const moviesAfter = db
    .select({ movieId, title, likes })
    .from(ranked)
    .leftJoin(votes, isTallyOfRanked)
    .where(and(sql`+${eq(genreKey, overall)}`, gt(movieId, placeholder('after'))))
    .orderBy(movieId)
    .limit(placeholder('limit'))
    .prepare();
  const rowsOf = rankedRows(db);

  function movies({ limit, cursor }: PageInput) {
    const [after] = cursor === undefined ? [0] : decodeCursor('votes', cursor, z.tuple([z.int()]));
    return moviesAfter.all({ after, limit: limit + 1 });
  }

  const rankedRowsOf = (input: RankInput): RankedRow[] => rowsOf(rangeOf(input));

  return {
    /** Returns true if the catalogue has the movie, and undefined otherwise. */
    shows: (movieId: number): true | undefined => shown.get({ movieId }) && true,
    /** Returns the likes of a movie, even if the catalogue does not have it. */
    likes: (movieId: number): number => likesOf.get({ movieId })?.likes ?? 0,
    /** Returns the time (milliseconds since 1970) of the viewer's last vote for the movie at any other site. */
    votedElsewhere(movieId: number, voterId: string, site: string): number | undefined {
      const times = votesOf.all({ movieId, voterId }).flatMap((vote) => (vote.site === site ? [] : [vote.time]));
      return times.length === 0 ? undefined : Math.max(...times);
    },
    /** Returns whether a viewer likes a movie. */
    liked: (movieId: number, voterId: string) => winnerOf(votesOf.all({ movieId, voterId }))?.liked === 1,
    /** Returns the movie and voter that an Idempotency-Key is bound to, for each site that has received the key. */
    usesOf: (key: string) => usesOf.all({ key }),
    /** Returns the rows for `votes`: one more than the limit if there is a next page. @throws AppError as `votes` */
    movies,
    /** Returns a page of the likes of all movies, by movie id. @throws AppError invalid for a cursor of another list */
    votes(input: PageInput, rows = movies(input)) {
      return paginate(rows, input.limit, 'votes', (row) => [row.movieId]);
    },
    /** Returns the rows for `rank`: one more than the limit if there is a next page. @throws AppError as `rank` */
    ranked: rankedRowsOf,
    /** Returns a page of a ranking. @throws AppError invalid for a cursor of another list */
    rank(input: RankInput, rows = rankedRowsOf(input)) {
      const { by, limit } = input;
      const { genreKey, after } = rangeOf(input);
      const firstRank = (after?.rank ?? 0) + 1;
      const { items, next } = paginate(rows, limit, scopeOf(input, genreKey), (row) => {
        const { score, sortRating, titleKey, movieId } = sortKeyOf(by, row);
        return [score, sortRating, titleKey, movieId, firstRank + limit - 1];
      });
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
