/** From rows to answers. */
import { and, eq, gt, sql } from 'drizzle-orm';
import { z } from 'zod';
import { decodeCursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { matching } from '../../shared/views/prepared.ts';
import { winnerOf } from '../../shared/views/sites.ts';
import { overall } from './catalogue-projection.ts';
import { placeOf, type RankInput, type Row, rangeOf, rankedRows, scopeOf } from './pages.ts';
import { ranked, voteKeys, votes } from './schema.ts';
import { ofNobody, tallyOfRanked } from './tallies.ts';

export interface VotesInput {
  limit: number;
  cursor?: string | undefined;
}

export type MovieRow = ReturnType<RankingQueries['movies']>[number];
export type RankingQueries = ReturnType<typeof rankingQueries>;

/** Prepares the queries of a ranking view. */
export function rankingQueries(db: Database) {
  const asked = sql.placeholder;
  const { movieId, genreKey, title } = ranked;
  // Of the tally: ranks follow it later.
  const likes = sql<number>`coalesce(${votes.likes}, 0)`.as('likes');
  const shown = db
    .select({ movieId })
    .from(ranked)
    .where(and(eq(movieId, asked('movieId')), eq(genreKey, overall)))
    .prepare();
  const likesOf = db
    .select({ likes: votes.likes })
    .from(votes)
    .where(and(eq(votes.movieId, asked('movieId')), ofNobody))
    .prepare();
  const votesOf = db
    .select({ site: votes.site, time: votes.time, liked: votes.liked })
    .from(votes)
    .where(matching(votes, 'movieId', 'voterId'))
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
    .leftJoin(votes, tallyOfRanked)
    .where(and(sql`+${eq(genreKey, overall)}`, gt(movieId, asked('after'))))
    .orderBy(movieId)
    .limit(asked('limit'))
    .prepare();
  const rowsOf = rankedRows(db);

  /** As many movies by id as a page has, and one more where there are more. @throws AppError invalid as `votes` */
  function movies({ limit, cursor }: VotesInput) {
    const [after] = cursor === undefined ? [0] : decodeCursor('votes', cursor, z.tuple([z.int()]));
    return all.all({ after, limit: limit + 1 });
  }

  /** As many movies of a ranking as a page has, and one more where there are more. @throws AppError invalid as `rank` */
  const rankedOn = (input: RankInput): Row[] => rowsOf(rangeOf(input));

  return {
    /** Whether the catalogue shows a movie; undefined where it does not. */
    shows: (movieId: number): true | undefined => shown.get({ movieId }) && true,
    /** Likes of a movie, whether the catalogue shows it or not. */
    likes: (movieId: number): number => likesOf.get({ movieId })?.likes ?? 0,
    /** When another site last had a vote of a viewer on a movie; undefined where none has. Milliseconds since 1970. */
    votedElsewhere(movieId: number, voterId: string, site: string): number | undefined {
      const times = votesOf.all({ movieId, voterId }).flatMap((vote) => (vote.site === site ? [] : [vote.time]));
      return times.length === 0 ? undefined : Math.max(...times);
    },
    /** Whether a viewer likes a movie. */
    liked: (movieId: number, voterId: string) => winnerOf(votesOf.all({ movieId, voterId }))?.liked === 1,
    /** What a key stands for, at each site where it came. */
    usesOf: (key: string) => usesOf.all({ key }),
    movies,
    /** Likes of all movies by id. @throws AppError invalid for a cursor of another list. */
    votes(input: VotesInput, rows = movies(input)) {
      return paginate(rows, input.limit, 'votes', (row) => [row.movieId]);
    },
    ranked: rankedOn,
    /** A page of a ranking. @throws AppError invalid for a cursor of another list. */
    rank(input: RankInput, rows = rankedOn(input)) {
      const { by, limit } = input;
      const { genreKey, after } = rangeOf(input);
      const firstRank = (after?.rank ?? 0) + 1;
      const { items, next } = paginate(rows, limit, scopeOf(input, genreKey), (row) => {
        const { score, sortRating, titleKey, movieId } = placeOf(by, row);
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
