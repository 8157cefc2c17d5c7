/** From rows to answers: each a walk along one index, however many movies there are. */
import { type CursorKey, decodeCursor, paginate } from '../../shared/cursor.ts';
import type { Database } from '../../shared/database.ts';
import { fold } from '../../shared/text.ts';
import { overall } from './catalogue-projection.ts';
import type { KnownLikes } from './known-likes.ts';
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

/** Prepares the queries of a ranking view. `knownLikes` is the one that its projections have. */
export function rankingQueries(db: Database, knownLikes: KnownLikes) {
  const likesOf = db.prepare<[string, number], { likes: number }>(
    'SELECT likes FROM ranked WHERE genre_key = ? AND movie_id = ?',
  );
  const votesOf = db.prepare<[number, string], { site: string; time: number; liked: number }>(
    'SELECT site, time, liked FROM votes WHERE movie_id = ? AND voter_id = ?',
  );
  const all = db.prepare<[string, number, number], { movieId: number; title: string; likes: number }>(
    `SELECT movie_id AS movieId, title, likes FROM ranked
     WHERE genre_key = ? AND movie_id > ? ORDER BY movie_id LIMIT ?`,
  );
  const ranked = {
    likes: prepareRanking(db, 'likes'),
    trending: prepareRanking(db, 'trending'),
    rating: prepareRanking(db, 'rating'),
  };

  return {
    /** Likes of a movie; undefined for a movie that the catalogue does not show. */
    likes(movieId: number): number | undefined {
      const known = knownLikes.get(movieId);
      if (known !== undefined) return known;
      const likes = likesOf.get(overall, movieId)?.likes;
      if (likes !== undefined) knownLikes.set(movieId, likes);
      return likes;
    },
    /** Whether a viewer likes a movie. */
    liked: (movieId: number, voterId: string) => winner(votesOf.all(movieId, voterId))?.liked === 1,
    /** Likes of all movies by id. @throws AppError invalid for a cursor of another list. */
    votes(limit: number, cursor: string | undefined) {
      const after = cursor === undefined ? 0 : Number(decodeCursor('votes', cursor, 1)[0]);
      const rows = all.all(overall, after, limit + 1);
      return paginate(rows, limit, 'votes', (row): CursorKey => [row.movieId]);
    },
    /** A page of a ranking. @throws AppError invalid for a cursor of another list. */
    rank({ genre, by, limit, cursor }: RankInput) {
      const genreKey = genre === undefined ? overall : fold(genre);
      const scope = `ranking ${by} ${genreKey}`;
      const after = cursor === undefined ? undefined : decodeCursor(scope, cursor, 5);
      const rows = after
        ? ranked[by].after.all(rankKey(genreKey, after), limit + 1)
        : ranked[by].first.all({ genreKey }, limit + 1);
      const firstRank = Number(after?.[4] ?? 0) + 1;
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

function rankKey(genreKey: string, [score, sortRating, titleKey, movieId]: CursorKey) {
  return { genreKey, score, sortRating, titleKey, movieId };
}

/** Statements for the first page and those behind it. Mixed directions cannot be one row comparison. */
function prepareRanking(db: Database, by: RankBy) {
  const score = scoreColumn[by];
  const middle = by === 'rating' ? '' : 'sort_rating DESC, ';
  const columns = `movie_id AS movieId, title, title_key AS titleKey, likes, rating, sort_rating AS sortRating, ${score} AS score`;
  const order = `ORDER BY ${score} DESC, ${middle}title_key, movie_id LIMIT ?`;
  const behindTies = '(title_key, movie_id) > (:titleKey, :movieId)';
  const behind =
    by === 'rating' ? behindTies : `(sort_rating < :sortRating OR (sort_rating = :sortRating AND ${behindTies}))`;
  return {
    first: db.prepare<[{ genreKey: string }, number], RankedRow>(
      `SELECT ${columns} FROM ranked WHERE genre_key = :genreKey ${order}`,
    ),
    after: db.prepare<[ReturnType<typeof rankKey>, number], RankedRow>(
      `SELECT ${columns} FROM ranked
       WHERE genre_key = :genreKey AND ${score} <= :score AND (${score} < :score OR ${behind}) ${order}`,
    ),
  };
}
