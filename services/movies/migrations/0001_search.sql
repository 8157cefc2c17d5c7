-- The row id is made of popularity and movie id (search-index.ts): reading in row order gives the most popular first.
-- Two indices, because names are a tenth of all text: common words are found in them ten times as fast. Neither keeps
-- positions, which nothing asks for. Words are split before they come here: a tokenizer that splits nothing will do.
CREATE VIRTUAL TABLE movie_names USING fts5(
  title, people,
  content = '', contentless_delete = 1, detail = column, prefix = '1 2 3 4', tokenize = 'ascii'
);
--> statement-breakpoint
-- Title, people and description as one text. Prefixes without an index are slow where many rows have them: those of four
-- letters can be in a tenth of all, those of five are in few.
CREATE VIRTUAL TABLE movie_texts USING fts5(
  words,
  content = '', contentless_delete = 1, detail = none, prefix = '2 3 4', tokenize = 'ascii'
);
