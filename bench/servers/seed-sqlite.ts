/**
 * Upper bound for a seed: writes the rows of a CSV file directly to a SQLite movies table with the same indexes, in
 * transactions of 1,000. Arguments: CSV file, database file.
 */

import { sourceOf } from '../../seed/file/source.ts';
import { openFilms } from '../../seed/films.ts';
import type { Movie } from '../../seed/layout/row.ts';
import { fold } from '../../services/movies/fold.ts';
import { movieIndices } from '../../services/movies/schema.ts';
import { searchRow } from '../../services/movies/search/search-index.ts';
import { lateIndices, migrate, openDatabase } from '../../shared/views/database.ts';

const [csv = '', file = ''] = process.argv.slice(2);
const db = openDatabase(file);
migrate(db, new URL('../../services/movies/migrations', import.meta.url));
const indices = lateIndices(db, movieIndices);
while (indices.add());
const insert = db.$client.prepare(
  `INSERT INTO movies (movie_id, revision, title_key, year, rating, votes, document)
   VALUES (?, ?, ?, ?, ?, ?, ?)`,
);
const names = db.$client.prepare('INSERT INTO movie_names (rowid, title, people) VALUES (?, ?, ?)');
const texts = db.$client.prepare('INSERT INTO movie_texts (rowid, words) VALUES (?, ?)');

const startedAt = performance.now();
let rows = 0;
let batch: Movie[] = [];
const write = db.$client.transaction((movies: Movie[]) => {
  for (const movie of movies) {
    const { movieId = 0, title, year, rating, votes } = movie;
    insert.run(movieId, 0, fold(title), year ?? 0, rating ?? 0, votes ?? 0, JSON.stringify(movie));
  }
  const inOrder = movies.map((movie) => ({ movie, row: searchRow(movie.movieId ?? 0, movie.votes ?? 0) }));
  for (const { movie, row } of inOrder.sort((a, b) => a.row - b.row)) {
    const title = fold(movie.title);
    const people = fold(`${movie.director} ${movie.actors.join(' ')}`);
    names.run(row, title, people);
    texts.run(row, `${title} ${people} ${fold(movie.description)}`);
  }
});
const { groups, reader } = await openFilms(sourceOf(csv), {});
for await (const group of groups) {
  for (const row of group) {
    const result = reader.read(row);
    if (!('movie' in result)) throw new Error(JSON.stringify(result));
    batch.push(result.movie);
    rows++;
    if (batch.length < 1000) continue;
    write(batch);
    batch = [];
  }
}
write(batch);
console.log(JSON.stringify({ rows, seconds: (performance.now() - startedAt) / 1000 }));
