CREATE TABLE movie_genres (
  genre_key TEXT NOT NULL,
  movie_id INTEGER NOT NULL,
  PRIMARY KEY (genre_key, movie_id)
) WITHOUT ROWID;
--> statement-breakpoint
-- The row id is made of popularity and movie id (search-index.ts): reading in row order gives the most popular first.
-- Two indices, because names are a tenth of all text: common words are found in them ten times as fast. Neither keeps
-- positions, which nothing asks for. Words are split before they come here: a tokenizer that splits nothing will do.
CREATE VIRTUAL TABLE movie_names USING fts5(
  title, people,
  content = '', contentless_delete = 1, detail = column, prefix = '1 2 3 4', tokenize = 'ascii'
);
--> statement-breakpoint
-- Title, people and description as one text.
CREATE VIRTUAL TABLE movie_texts USING fts5(
  words,
  content = '', contentless_delete = 1, detail = none, prefix = '2 3', tokenize = 'ascii'
);
--> statement-breakpoint
CREATE TABLE title_words (
  word TEXT PRIMARY KEY,
  uses INTEGER NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
-- A word with few typing errors has about the same length: most words of a common gram need not be read.
CREATE TABLE title_word_grams (
  gram TEXT NOT NULL,
  length INTEGER NOT NULL,
  word TEXT NOT NULL,
  PRIMARY KEY (gram, length, word)
) WITHOUT ROWID;
