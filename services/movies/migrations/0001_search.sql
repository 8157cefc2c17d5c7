CREATE TABLE movie_genres (
  genre_key TEXT NOT NULL,
  movie_id INTEGER NOT NULL,
  PRIMARY KEY (genre_key, movie_id)
) WITHOUT ROWID;
--> statement-breakpoint
-- The row id is made of popularity and movie id (search-index.ts): reading in row order gives the most popular first.
CREATE VIRTUAL TABLE movie_search USING fts5(
  title, people, description,
  content = '', contentless_delete = 1, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 0'
);
--> statement-breakpoint
CREATE TABLE title_words (
  word TEXT PRIMARY KEY,
  uses INTEGER NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE title_word_grams (
  gram TEXT NOT NULL,
  word TEXT NOT NULL,
  PRIMARY KEY (gram, word)
) WITHOUT ROWID;
