/** `--columns`: describes how a file was understood, with its first rows as they would be stored. */
import { delimiterName } from './csv/rows.ts';
import type { Films } from './films.ts';
import type { Field } from './layout/fields.ts';
import type { Movie } from './layout/row.ts';
import { Repeats } from './repeats.ts';

const shownRows = 3;
/** Most rows read to find the ones to show. */
const maxRowsRead = 200;
const nameWidth = 20;

/** Returns lines that describe how a file was understood. Reads no more than its first rows. */
export async function describeColumns(name: string, films: Films): Promise<string[]> {
  const { table, header } = films;
  const { delimiter, encoding } = table;
  const lines = [
    `${name}: ${encoding.toUpperCase()}, columns separated by ${delimiterName(delimiter)}`,
    `Layout: ${header.layout.name}`,
    '',
    ...fieldLines(films),
  ];
  const used = new Set([...header.positions.values()].flat());
  const unused = header.columns.filter((column, index) => column !== '' && !used.has(index));
  if (unused.length > 0) lines.push('', `Not used: ${unused.join(', ')}`);
  if (header.layout.films) lines.push('', `Only rows of these types are imported: ${header.layout.films.join(', ')}`);
  lines.push('', ...(await rowLines(films)));
  return lines;
}

function fieldLines({ header, reader }: Films): string[] {
  const { positions, columns } = header;
  return [...positions].map(([field, at]) => {
    const names = at.map((index) => columns[index]).join(' + ');
    return `  ${shownField(field).padEnd(nameWidth)} ← ${names}${noteOf(field, reader.revenueUnit)}`;
  });
}

const shownField = (field: Field): string => (field.startsWith('revenue') ? 'revenueMillions' : field);

function noteOf(field: Field, unit: 'dollars' | 'millions' | undefined): string {
  if (field.startsWith('revenue')) return unit === 'dollars' ? ' (dollars)' : ' (millions of dollars)';
  if (field === 'movieId') return ' (unless another film has it)';
  return '';
}

/** Returns the first films, and why rows between them would be skipped, refused or changed. */
async function rowLines({ groups, reader }: Films): Promise<string[]> {
  const stored: string[] = [];
  const others: string[] = [];
  const repeats = new Repeats(false);
  let films = 0;
  let rows = 0;
  reading: for await (const group of groups) {
    for (const row of group) {
      if (films === shownRows || ++rows > maxRowsRead) break reading;
      const result = reader.read(row);
      if ('otherType' in result) {
        others.push(`  line ${row.line} is skipped: its type is ${result.otherType}`);
        continue;
      }
      const problems = 'problems' in result ? result.problems : result.warnings;
      const refused = 'problems' in result ? ' is refused' : '';
      for (const { column, reason } of problems) others.push(`  line ${row.line}${refused}: ${column}: ${reason}`);
      if (!('movie' in result)) continue;
      const repeat = repeats.add(result.movie, row.line);
      if (repeat && (repeat.what === 'id' || result.movie.movieId === undefined)) {
        others.push(`  line ${row.line} is skipped: its ${repeat.what} is already on line ${repeat.line}`);
        continue;
      }
      films++;
      stored.push('', `  line ${row.line}`, ...movieLines(result.movie));
    }
  }
  const title = films === 0 ? 'None of the rows read would be stored.' : 'The first rows as they would be stored:';
  return [title, ...stored, ...(others.length > 0 ? ['', 'Notes on these rows:', ...others.slice(0, 20)] : [])];
}

function movieLines(movie: Movie): string[] {
  const { movieId, ...fields } = movie;
  const values = { movieId: movieId ?? '(the next free id)', ...fields };
  return Object.entries(values).map(([field, value]) => `    ${field.padEnd(nameWidth - 2)} ${shown(value)}`);
}

function shown(value: unknown): string {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return '–';
  const text = (Array.isArray(value) ? value.join(' | ') : String(value)).replace(/\s+/g, ' ');
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}
