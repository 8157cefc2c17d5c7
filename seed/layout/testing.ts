/** Test helpers that read a text as a file of films. */
import { findForm } from '../csv/form.ts';
import { CsvReader, type CsvRow } from '../csv/rows.ts';
import { readHeader, readMap } from './header.ts';
import { type Movie, RowReader, type RowResult } from './row.ts';

interface Read {
  layout: string;
  results: RowResult[];
  movies: Partial<Movie>[];
  unit: string | undefined;
}

export function read(text: string, map?: string): Read {
  const { delimiter } = findForm(text);
  const reader = new CsvReader({ delimiter, quoted: true });
  reader.add(text);
  reader.end();
  const header = readHeader(reader.next()?.fields ?? [], { delimiter, ...(map ? { map: readMap([map]) } : {}) });
  if (header.layout.unquoted) reader.withoutQuotes();
  const rows: CsvRow[] = [];
  for (let row = reader.next(); row; row = reader.next()) rows.push(row);
  const rowReader = new RowReader(header, delimiter, rows);
  const results = rows.map((row) => rowReader.read(row));
  const movies = results.flatMap((result) => ('movie' in result ? [known(result.movie)] : []));
  return { layout: header.layout.name, results, movies, unit: rowReader.revenueUnit };
}

/** Returns the fields of a movie that have a value. */
function known(movie: Movie): Partial<Movie> {
  const entries = Object.entries(movie).filter(([, value]) => value !== null && value.length !== 0);
  return Object.fromEntries(entries);
}

/** The columns of our own layout, and a row for them. */
export const names =
  'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore';
export const alien =
  '7,Alien,"Horror,Sci-Fi",A crew hears a signal.,Ridley Scott,"Sigourney Weaver, Tom Skerritt",1979,117,8.5,900000,104.93,89';
