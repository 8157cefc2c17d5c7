/** What the columns of a file are: by its header, or as the user says. */
import { UnusableFile } from '../unusable-file.ts';
import { columnNames, type Field, fieldOf, normalized } from './fields.ts';
import { type Layout, layouts, ownColumns, ownLayout } from './layouts.ts';

/** Names of columns for a field, as `--map` gives them; none to leave the field out. */
export type ColumnMap = Map<Field, string[]>;

/** What a header says. */
export interface Header {
  columns: string[];
  layout: Layout;
  /** Columns of each field. */
  positions: Map<Field, number[]>;
}

/**
 * Reads `title=Series_Title,year=Released_Year,actors=Star1+Star2`; given several times, they are joined.
 * @throws Error naming what is not understood.
 */
export function readMap(given: string[]): ColumnMap {
  const map: ColumnMap = new Map();
  // A comma inside of a column's name parts nothing.
  for (const part of given.flatMap((one) => one.split(/,(?=\s*\w+\s*=)/))) {
    const [, word = '', columns = ''] = /^\s*(\w+)\s*=(.*)$/s.exec(part) ?? [];
    const field = fieldOf(word);
    if (!field) {
      throw new Error(`--map ${part.trim()}: it must be FIELD=COLUMN, and a field is ${fieldList()}`);
    }
    if (map.has(field)) throw new Error(`--map names ${field} twice`);
    map.set(field, columns.trim() === '' ? [] : columns.split('+').map((column) => column.trim()));
  }
  return map;
}

function fieldList(): string {
  const names = Object.keys(columnNames).filter((field) => field !== 'type');
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/**
 * Finds the layout of a header. With a map, columns that it does not name are taken by their names.
 * @throws UnusableFile naming the columns found and a `--map` to begin with.
 */
export function readHeader(header: string[], { map, delimiter }: { map?: ColumnMap; delimiter: string }): Header {
  const columns = header.map((name) => name.replace(/\s+/g, ' ').trim());
  if (columns.some((name) => /\p{Cc}|\ufffd/u.test(name))) throw new UnusableFile('it is not text');
  const names = columns.map(normalized);
  const known = layouts.find((one) => fits(one, names));
  const layout = known ?? (ownMissing(byName(names, [])).length === 0 ? ownLayout : undefined);
  if (!layout && !map) throw new UnusableFile(unknownHeader(columns, names, delimiter));
  const positions = byName(names, layout?.ignores ?? []);
  for (const [field, wanted] of map ?? []) {
    if (field.startsWith('revenue')) for (const other of revenues) positions.delete(other);
    positions.delete(field);
    if (wanted.length > 0)
      positions.set(
        field,
        wanted.map((column) => position(columns, names, column)),
      );
  }
  for (const [field, at] of positions) {
    const again = at.find((index) => !map?.has(field) && names.indexOf(names[index] as string, index + 1) > index);
    if (again !== undefined) throw new UnusableFile(`the header has the column ${columns[again]} twice`);
  }
  if (!positions.has('title')) {
    throw new UnusableFile(`no column is the title: ${found(columns, delimiter)}. Say which with --map title=COLUMN`);
  }
  return { columns, layout: layout ?? { name: 'as mapped', needs: [] }, positions };
}

const revenues: Field[] = ['revenue', 'revenueDollars', 'revenueMillions'];

function fits({ needs, alone }: Layout, names: string[]): boolean {
  // A file of refused rows has these in front.
  const named = names.filter((name) => name !== '' && !['line', 'column', 'reason'].includes(name));
  if (alone && named.length > needs.length) return false;
  return needs.every((one) => one.some((name) => named.includes(name)));
}

/** Names of our own columns that are not there. */
function ownMissing(positions: Map<Field, number[]>): string[] {
  const hasRevenue = revenues.some((field) => positions.has(field));
  return Object.entries(ownColumns).flatMap(([field, name]) => {
    const has = field === 'revenueMillions' ? hasRevenue : positions.has(field as Field);
    return has ? [] : [name];
  });
}

/** The columns whose names say what they are. */
function byName(names: string[], ignores: string[]): Map<Field, number[]> {
  const positions = new Map<Field, number[]>();
  for (const [field, candidates] of Object.entries(columnNames) as [Field, (string | string[])[]][]) {
    for (const candidate of candidates) {
      const at = [candidate].flat().flatMap((name) => {
        const index = ignores.includes(name) ? -1 : names.indexOf(name);
        return index < 0 ? [] : [index];
      });
      if (at.length === 0) continue;
      positions.set(field, at);
      break;
    }
  }
  // One of the three is enough, the plainest.
  const [, ...others] = [...revenues].reverse().filter((field) => positions.has(field));
  for (const field of others) positions.delete(field);
  return positions;
}

/** @throws UnusableFile for a column that the file does not have. */
function position(columns: string[], names: string[], column: string): number {
  const exact = columns.indexOf(column);
  const index = exact >= 0 ? exact : names.indexOf(normalized(column));
  if (index < 0 || normalized(column) === '') {
    throw new UnusableFile(`--map names the column ${column}, and the file has ${columns.filter(Boolean).join(', ')}`);
  }
  return index;
}

function unknownHeader(columns: string[], names: string[], delimiter: string): string {
  const positions = byName(names, []);
  const missing = ownMissing(positions);
  const lines = [`its header is of no layout that is known: ${found(columns, delimiter)}`];
  if (missing.length <= 6) lines.push(`For ours it lacks the columns ${missing.join(', ')}`);
  lines.push(`Say what they are, to begin with: --map ${suggestion(columns, positions)}`);
  return lines.join('\n');
}

function found(columns: string[], delimiter: string): string {
  const named = columns.filter(Boolean);
  const by = delimiter === '\t' ? 'tab' : JSON.stringify(delimiter);
  const single = '1 column, parted by none of , ; | and tab';
  const count = named.length === 1 ? single : `${named.length} columns, parted by ${by}`;
  return `it has ${count}: ${named.slice(0, 40).join(', ').slice(0, 600)}`;
}

/** What the names of columns say, to be corrected and completed, so that a shell takes it as it is. */
function suggestion(columns: string[], positions: Map<Field, number[]>): string {
  const guesses = [...positions].filter(([field]) => field !== 'type');
  if (!positions.has('title')) guesses.unshift(['title', [Math.max(0, likelyTitle(columns))]]);
  const parts = guesses.map(([field, at]) => `${field}=${at.map((index) => columns[index]).join('+')}`);
  const text = parts.join(',').slice(0, 600);
  return /^[\w=,+.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function likelyTitle(columns: string[]): number {
  const speaking = columns.findIndex((name) => /tit|name|film|movie/i.test(name));
  return speaking >= 0 ? speaking : columns.findIndex(Boolean);
}
