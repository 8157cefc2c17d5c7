/** The columns of the dataset, and what a row of them means. */
import { type MovieFields, movieFields } from '../services/movies/contract.ts';
import { UnusableFile } from './csv.ts';

type Field = Exclude<keyof MovieFields, 'alternativeTitles' | 'posterUrl' | 'country' | 'language'> | 'movieId';

const columns: Record<Field, string> = {
  movieId: 'Rank',
  title: 'Title',
  genres: 'Genre',
  description: 'Description',
  director: 'Director',
  actors: 'Actors',
  year: 'Year',
  runtimeMinutes: 'Runtime (Minutes)',
  rating: 'Rating',
  votes: 'Votes',
  revenueMillions: 'Revenue (Millions)',
  metascore: 'Metascore',
};
const numbers = new Set<Field>([
  'movieId',
  'year',
  'runtimeMinutes',
  'rating',
  'votes',
  'revenueMillions',
  'metascore',
]);
const lists = new Set<Field>(['genres', 'actors']);

export interface Movie extends MovieFields {
  movieId: number;
}

export interface Problem {
  column: string;
  reason: string;
}

/** Where each column is in the rows of a file. */
export interface Layout {
  positions: Record<Field, number>;
  width: number;
}

/** Reads a header. @throws UnusableFile naming the columns that are missing or there twice. */
export function readHeader(header: string[]): Layout {
  const names = header.map((name) =>
    name
      .replace(/^\ufeff/, '')
      .trim()
      .toLowerCase(),
  );
  const positions = {} as Record<Field, number>;
  const missing: string[] = [];
  for (const [field, column] of Object.entries(columns) as [Field, string][]) {
    positions[field] = names.indexOf(column.toLowerCase());
    if (positions[field] < 0) missing.push(column);
    if (names.indexOf(column.toLowerCase(), positions[field] + 1) > positions[field] && positions[field] >= 0) {
      throw new UnusableFile(`the header has the column ${column} twice`);
    }
  }
  if (missing.length > 0) {
    throw new UnusableFile(`it is not a CSV of movies: its first line lacks the columns ${missing.join(', ')}`);
  }
  return { positions, width: header.length };
}

/** A row as a movie, or what is wrong with it, column by column. */
export function readRow(fields: string[], { positions, width }: Layout): { movie: Movie } | { problems: Problem[] } {
  if (fields.length !== width) {
    const reason = `has ${fields.length} fields, the header ${width}: is there a comma or quote that is not quoted?`;
    return { problems: [{ column: '(row)', reason }] };
  }
  if (fields.some((field) => field.includes('\ufffd'))) {
    return { problems: [{ column: '(row)', reason: 'is not valid UTF-8' }] };
  }
  const problems: Problem[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, position] of Object.entries(positions) as [Field, number][]) {
    const text = (fields[position] ?? '').trim();
    if (lists.has(field))
      values[field] = text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean);
    else if (!numbers.has(field)) values[field] = text;
    else if (text === '') values[field] = null;
    else if (/^[+-]?\d+(\.\d+)?$/.test(text)) values[field] = Number(text);
    else problems.push({ column: columns[field], reason: `"${text.slice(0, 40)}" is not a number` });
  }
  const { movieId, ...rest } = values;
  if (movieId === null) problems.push({ column: columns.movieId, reason: 'is missing' });
  else if (movieId !== undefined && !isId(movieId))
    problems.push({ column: columns.movieId, reason: 'must be a whole number from 1 to 2147483647' });
  const parsed = movieFields.safeParse(rest);
  for (const issue of parsed.success ? [] : parsed.error.issues) {
    const column = columns[issue.path[0] as Field] ?? String(issue.path[0]);
    if (!problems.some((problem) => problem.column === column)) problems.push({ column, reason: issue.message });
  }
  if (problems.length > 0 || !parsed.success) return { problems };
  return { movie: { movieId: movieId as number, ...parsed.data } };
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 2_147_483_647;
}
