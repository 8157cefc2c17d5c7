-- The rows of a movie stand together, so that a vote finds all of them at once and writes one page for them.
CREATE TABLE ranked_by_movie (
  movie_id INTEGER NOT NULL,
  genre_key TEXT NOT NULL,
  title TEXT NOT NULL,
  title_key TEXT NOT NULL,
  rating REAL,
  likes INTEGER NOT NULL,
  sort_rating REAL NOT NULL,
  trending REAL NOT NULL,
  weighted REAL NOT NULL,
  PRIMARY KEY (movie_id, genre_key)
) WITHOUT ROWID;
--> statement-breakpoint
INSERT INTO ranked_by_movie (movie_id, genre_key, title, title_key, rating, likes, sort_rating, trending, weighted)
SELECT movie_id, genre_key, title, title_key, rating, likes, sort_rating, trending, weighted
FROM ranked ORDER BY movie_id, genre_key;
--> statement-breakpoint
DROP TABLE ranked;
--> statement-breakpoint
ALTER TABLE ranked_by_movie RENAME TO ranked;
--> statement-breakpoint
CREATE INDEX ranked_by_likes ON ranked (genre_key, likes DESC, sort_rating DESC, title_key, movie_id);
--> statement-breakpoint
CREATE INDEX ranked_by_trending ON ranked (genre_key, trending DESC, sort_rating DESC, title_key, movie_id);
--> statement-breakpoint
CREATE INDEX ranked_by_rating ON ranked (genre_key, weighted DESC, title_key, movie_id);
--> statement-breakpoint
-- The rows themselves say it now.
DROP TABLE ranked_genres;
