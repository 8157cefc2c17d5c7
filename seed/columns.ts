/** `--columns`: what was understood of a file, and its first rows as they would be stored. */
import { delimiterName } from './csv/rows.ts';
import type { Films } from './films.ts';
import type { Field } from './layout/fields.ts';
import type { Movie } from './layout/row.ts';
import { Repeats } from './repeats.ts';

const shownRows = 3;
/** So many rows are read to find those. */
const mostRows = 200;
const nameWidth = 20;

/** What is understood of a file, as lines to print. Reads no more than its first rows. */
export async function describeColumns(name: string, films: Films): Promise<string[]> {
  const { table, header } = films;
  const { delimiter, encoding } = table;
  const lines = [
    `${name}: ${encoding.toUpperCase()}, columns parted by ${delimiterName(delimiter)}`,
    `Layout: ${header.layout.name}`,
    '',
    ...fieldLines(films),
  ];
  const used = new Set([...header.positions.values()].flat());
  const unused = header.columns.filter((column, index) => column !== '' && !used.has(index));
  if (unused.length > 0) lines.push('', `Not used: ${unused.join(', ')}`);
  if (header.layout.films) lines.push('', `Only films are taken: ${header.layout.films.join(', ')}`);
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
  if (field === 'movieId') return ' (where no other film has it)';
  return '';
}

/** The first films, and what happens to rows before them. */
async function rowLines({ groups, reader }: Films): Promise<string[]> {
  const stored: string[] = [];
  const others: string[] = [];
  const repeats = new Repeats(false);
  let films = 0;
  let rows = 0;
  reading: for await (const group of groups) {
    for (const row of group) {
      if (films === shownRows || ++rows > mostRows) break reading;
      const result = reader.read(row);
      if ('otherType' in result) {
        others.push(`  line ${row.line} is left out: it is a ${result.otherType}`);
        continue;
      }
      const problems = 'problems' in result ? result.problems : result.warnings;
      const refused = 'problems' in result ? ' refuses the row' : '';
      for (const { column, reason } of problems) others.push(`  line ${row.line}: ${column}${refused}: ${reason}`);
      if (!('movie' in result)) continue;
      const repeat = repeats.add(result.movie, row.line);
      if (repeat && (repeat.what === 'id' || result.movie.movieId === undefined)) {
        others.push(`  line ${row.line} is left out: its ${repeat.what} is on line ${repeat.line}, too`);
        continue;
      }
      films++;
      stored.push('', `  line ${row.line}`, ...movieLines(result.movie));
    }
  }
  const title = films === 0 ? 'No row of it would be stored.' : 'Its first rows as they would be stored:';
  return [title, ...stored, ...(others.length > 0 ? ['', 'Of the rows so far:', ...others.slice(0, 20)] : [])];
}

function movieLines(movie: Movie): string[] {
  const { movieId, ...fields } = movie;
  const values = { movieId: movieId ?? '(the next free one)', ...fields };
  return Object.entries(values).map(([field, value]) => `    ${field.padEnd(nameWidth - 2)} ${shown(value)}`);
}

function shown(value: unknown): string {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return '–';
  const text = (Array.isArray(value) ? value.join(' | ') : String(value)).replace(/\s+/g, ' ');
  return text.length > 90 ? `${text.slice(0, 89)}…` : text;
}
