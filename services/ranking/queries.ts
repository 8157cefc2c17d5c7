/** From rows to answers: each a walk along one index, however many movies there are. */
import { type CursorKey, decodeCursor, notACursor, paginate } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { genreKeyOf, overall } from './catalogue-projection.ts';
import { winner } from './votes-projection.ts';

export type RankBy = 'likes' | 'trending' | 'rating';

interface RankedRow {
  movieId: number;
  title: string;
  titleKey: string;
  likes: number;
  rating: number | null;
  sortRating: number;
  score: number;
}

export interface RankInput {
  genre?: string;
  by: RankBy;
  limit: number;
  cursor?: string | undefined;
}

const scoreColumn: Record<RankBy, string> = { likes: 'likes', trending: 'trending', rating: 'weighted' };

export type RankingQueries = ReturnType<typeof rankingQueries>;

/** Prepares the queries of a ranking view. */
export function rankingQueries(db: Database) {
  const likesOf = db.$client.prepare<[string, number], { likes: number }>(
    `SELECT coalesce(tallies.likes, 0) AS likes FROM ranked LEFT JOIN tallies USING (movie_id)
     WHERE genre_key = ? AND movie_id = ?`,
  );
  const votesOf = db.$client.prepare<[number, string], { site: string; time: number; liked: number }>(
    'SELECT site, time, liked FROM votes WHERE movie_id = ? AND voter_id = ?',
  );
  // A + keeps SQLite from an index of the genre, whose rows it would have to sort.
  const all = db.$client.prepare<[string, number, number], { movieId: number; title: string; likes: number }>(
    `SELECT movie_id AS movieId, title, coalesce(tallies.likes, 0) AS likes FROM ranked LEFT JOIN tallies USING (movie_id)
     WHERE +genre_key = ? AND movie_id > ? ORDER BY movie_id LIMIT ?`,
  );
  const ranked = {
    likes: prepareRanking(db, 'likes'),
    trending: prepareRanking(db, 'trending'),
    rating: prepareRanking(db, 'rating'),
  };

  return {
    /** Likes of a movie; undefined for a movie that the catalogue does not show. */
    likes: (movieId: number): number | undefined => likesOf.get(overall, movieId)?.likes,
    /** Whether a viewer likes a movie. */
    liked: (movieId: number, voterId: string) => winner(votesOf.all(movieId, voterId))?.liked === 1,
    /** Likes of all movies by id. @throws AppError invalid for a cursor of another list. */
    votes(limit: number, cursor: string | undefined) {
      const after = cursor === undefined ? 0 : decodeCursor('votes', cursor, 1)[0];
      if (!Number.isSafeInteger(after)) throw notACursor();
      const rows = all.all(overall, after as number, limit + 1);
      return paginate(rows, limit, 'votes', (row): CursorKey => [row.movieId]);
    },
    /** A page of a ranking. @throws AppError invalid for a cursor of another list. */
    rank({ genre, by, limit, cursor }: RankInput) {
      const genreKey = genre === undefined ? overall : genreKeyOf(genre);
      const scope = `ranking ${by} ${genreKey}`;
      const after = cursor === undefined ? undefined : lastOf(decodeCursor(scope, cursor, 5));
      const rows = after
        ? ranked[by].after.all({ genreKey, ...after }, limit + 1)
        : ranked[by].first.all({ genreKey }, limit + 1);
      const firstRank = (after?.rank ?? 0) + 1;
      const { items, next } = paginate(
        rows,
        limit,
        scope,
        (row): CursorKey => [row.score, row.sortRating, row.titleKey, row.movieId, firstRank + limit - 1],
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

type After = { genreKey: string } & Omit<ReturnType<typeof lastOf>, 'rank'>;

/**
 * Statements for the first page and those behind it. Mixed directions cannot be one row comparison, and an OR of the
 * cases would walk over all ties before the page, which are most movies where few have likes. So each case is a
 * range of the index of its own, and SQLite merges them.
 */
function prepareRanking(db: Database, by: RankBy) {
  const { first, after } = rankingStatements(by);
  return {
    first: db.$client.prepare<[{ genreKey: string }, number], RankedRow>(first),
    after: db.$client.prepare<[After, number], RankedRow>(after),
  };
}

/** The SQL of a ranking. */
export function rankingStatements(by: RankBy): { first: string; after: string } {
  const score = scoreColumn[by];
  const columns = `movie_id AS movieId, title, title_key AS titleKey, likes, rating, sort_rating AS sortRating, ${score} AS score`;
  const where = (condition: string): string => `SELECT ${columns} FROM ranked WHERE genre_key = :genreKey ${condition}`;
  const sameRating = by === 'rating' ? '' : 'AND sort_rating = :sortRating';
  const behind = [
    where(`AND ${score} = :score ${sameRating} AND (title_key, movie_id) > (:titleKey, :movieId)`),
    ...(by === 'rating' ? [] : [where(`AND ${score} = :score AND sort_rating < :sortRating`)]),
    where(`AND ${score} < :score`),
  ];
  const order = `ORDER BY score DESC, ${by === 'rating' ? '' : 'sortRating DESC, '}titleKey, movieId LIMIT ?`;
  return { first: `${where('')} ${order}`, after: `${behind.join(' UNION ALL ')} ${order}` };
}
