-- The last vote of each viewer for each movie at each site.
CREATE TABLE votes (
  movie_id INTEGER NOT NULL,
  voter_id TEXT NOT NULL,
  site TEXT NOT NULL,
  liked INTEGER NOT NULL,
  time INTEGER NOT NULL,
  liked_since INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (movie_id, voter_id, site)
) WITHOUT ROWID;
--> statement-breakpoint
-- One row for a movie overall (genre_key '') and one for each of its genres, with all that a ranking shows.
CREATE TABLE ranked (
  genre_key TEXT NOT NULL,
  movie_id INTEGER NOT NULL,
  title TEXT NOT NULL,
  title_key TEXT NOT NULL,
  rating REAL,
  likes INTEGER NOT NULL,
  sort_rating REAL NOT NULL,
  trending REAL NOT NULL,
  weighted REAL NOT NULL,
  PRIMARY KEY (genre_key, movie_id)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX ranked_by_likes ON ranked (genre_key, likes DESC, sort_rating DESC, title_key, movie_id);
--> statement-breakpoint
CREATE INDEX ranked_by_trending ON ranked (genre_key, trending DESC, sort_rating DESC, title_key, movie_id);
--> statement-breakpoint
CREATE INDEX ranked_by_rating ON ranked (genre_key, weighted DESC, title_key, movie_id);
--> statement-breakpoint
-- The genre keys under which a movie is ranked, one a line: what a vote has to touch.
CREATE TABLE ranked_genres (
  movie_id INTEGER PRIMARY KEY,
  genre_keys TEXT NOT NULL
);
