/** Finds the field of each column, by the header or by `--map`. */
import { UnusableFile } from '../unusable-file.ts';
import { columnNames, type Field, fieldOf, normalized } from './fields.ts';
import { type Layout, layouts, ownColumns, ownLayout } from './layouts.ts';

/** Column names for each field in `--map`; an empty list ignores the field. */
export type ColumnMap = Map<Field, string[]>;

export interface Header {
  columns: string[];
  layout: Layout;
  /** Indexes of each field's columns. */
  positions: Map<Field, number[]>;
}

/**
 * Parses `title=Series_Title,year=Released_Year,actors=Star1+Star2`.
 * @param given the values of all `--map` options, which are combined
 * @throws Error naming the part that is invalid
 */
export function readMap(given: string[]): ColumnMap {
  const map: ColumnMap = new Map();
  // A comma that is not followed by `FIELD=` is part of a column name.
  for (const part of given.flatMap((one) => one.split(/,(?=\s*\w+\s*=)/))) {
    const [, word = '', columns = ''] = /^\s*(\w+)\s*=(.*)$/s.exec(part) ?? [];
    const field = fieldOf(word);
    if (!field || field === 'type') {
      throw new Error(`--map ${part.trim()}: expected FIELD=COLUMN, where FIELD is ${fieldList()}`);
    }
    const same = revenues.includes(field) ? revenues : [field];
    if (same.some((one) => map.has(one))) throw new Error(`--map names ${same[0]} twice`);
    map.set(field, columns.trim() === '' ? [] : columns.split('+').map((column) => column.trim()));
  }
  return map;
}

function fieldList(): string {
  const names = Object.keys(columnNames).filter((field) => field !== 'type');
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/**
 * Finds the layout of a header and the columns of each field. A map overrides what the column names say.
 * @throws UnusableFile with the columns found and a suggested `--map`
 */
export function readHeader(header: string[], { map, delimiter }: { map?: ColumnMap; delimiter: string }): Header {
  const columns = header.map((name) => name.replace(/\s+/g, ' ').trim());
  if (columns.some((name) => /\p{Cc}|\ufffd/u.test(name))) throw new UnusableFile('it is not text');
  const names = columns.map(normalized);
  const known = layouts.find((one) => fits(one, names));
  const layout = known ?? (ownMissing(byName(names, [])).length === 0 ? ownLayout : undefined);
  if (!layout && !map) throw new UnusableFile(unknownHeader(columns, names, delimiter));
  const positions = byName(names, layout?.ignores ?? []);
  if (!layout?.films) positions.delete('type');
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
    throw new UnusableFile(`no title column: ${found(columns, delimiter)}. Name it with --map title=COLUMN`);
  }
  return { columns, layout: layout ?? { name: 'as mapped', needs: [] }, positions };
}

const revenues: Field[] = ['revenue', 'revenueDollars', 'revenueMillions'];

function fits({ needs, alone }: Layout, names: string[]): boolean {
  // The seed itself puts these columns in front of refused rows.
  const named = names.filter((name) => name !== '' && !['line', 'column', 'reason'].includes(name));
  if (alone && named.length > needs.length) return false;
  return needs.every((one) => one.some((name) => named.includes(name)));
}

/** Returns the columns of our own layout that are missing. */
function ownMissing(positions: Map<Field, number[]>): string[] {
  const hasRevenue = revenues.some((field) => positions.has(field));
  return Object.entries(ownColumns).flatMap(([field, name]) => {
    const has = field === 'revenueMillions' ? hasRevenue : positions.has(field as Field);
    return has ? [] : [name];
  });
}

/** Finds the columns of each field by their names. */
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
  // Use one revenue column, preferably one that names its unit.
  const [, ...others] = [...revenues].reverse().filter((field) => positions.has(field));
  for (const field of others) positions.delete(field);
  return positions;
}

/** Returns the index of a column. @throws UnusableFile when the file does not have it */
function position(columns: string[], names: string[], column: string): number {
  const exact = columns.indexOf(column);
  const index = exact >= 0 ? exact : names.indexOf(normalized(column));
  if (index < 0 || normalized(column) === '') {
    throw new UnusableFile(`--map names the column ${column}, but the file has ${columns.filter(Boolean).join(', ')}`);
  }
  return index;
}

function unknownHeader(columns: string[], names: string[], delimiter: string): string {
  const positions = byName(names, []);
  const missing = ownMissing(positions);
  const lines = [`the header matches no known layout: ${found(columns, delimiter)}`];
  if (missing.length <= 6) lines.push(`Marquee's own layout also has ${missing.join(', ')}`);
  if (positions.size === 0) {
    lines.push('If this line does not name the columns, add one that does, or remove the lines before it');
  }
  lines.push(`Name the columns, starting with: --map ${suggestion(columns, positions)}`);
  return lines.join('\n');
}

function found(columns: string[], delimiter: string): string {
  const named = columns.filter(Boolean);
  const by = delimiter === '\t' ? 'tab' : JSON.stringify(delimiter);
  const single = '1 column (not separated by , ; | or tab)';
  const count = named.length === 1 ? single : `${named.length} columns separated by ${by}`;
  return `the file has ${count}: ${named.slice(0, 40).join(', ').slice(0, 600)}`;
}

/** Returns a `--map` value guessed from the column names, quoted for a shell, for the user to correct. */
function suggestion(columns: string[], positions: Map<Field, number[]>): string {
  const guesses = [...positions].filter(([field]) => field !== 'type');
  if (!positions.has('title')) guesses.unshift(['title', [Math.max(0, likelyTitle(columns))]]);
  const parts = guesses.map(([field, at]) => `${field}=${at.map((index) => columns[index]).join('+')}`);
  const text = parts.join(',').slice(0, 600);
  return /^[\w=,+.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function likelyTitle(columns: string[]): number {
  const telling = columns.findIndex((name) => /tit|name|film|movie/i.test(name));
  return telling >= 0 ? telling : columns.findIndex(Boolean);
}
