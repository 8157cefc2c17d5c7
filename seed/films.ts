/** A table as films: its header understood, and each row read. */
import type { CsvRow } from './csv/rows.ts';
import type { Source } from './file/source.ts';
import { openTable, type Table } from './file/table.ts';
import { type ColumnMap, type Header, readHeader } from './layout/header.ts';
import { RowReader } from './layout/row.ts';
import { UnusableFile } from './unusable-file.ts';

export interface FilmOptions {
  /** Name of the encoding, where the file does not say it and it is not UTF-8. */
  encoding?: string | undefined;
  /** What columns are, where the header does not say it. */
  map?: ColumnMap | undefined;
}

export interface Films {
  table: Table;
  header: Header;
  reader: RowReader;
  /** Rows behind the header. The file is closed when they end, or are left. */
  groups: AsyncIterable<CsvRow[]>;
}

/** So many rows are looked at to see what a column is in. */
const sampleRows = 200;

/** Opens a file of films. @throws UnusableFile when it is no table, or its header is of no layout that is known. */
export async function openFilms(source: Source, { encoding, map }: FilmOptions): Promise<Films> {
  const table = await openTable(source, encoding);
  try {
    return await filmsOf(source, table, map);
  } catch (error) {
    await table.close();
    throw error;
  }
}

async function filmsOf(source: Source, table: Table, map: ColumnMap | undefined): Promise<Films> {
  const header = headerOf(source, table, map);
  const groups = table.groups[Symbol.asyncIterator]();
  const first: CsvRow[][] = [];
  let damage: UnusableFile | undefined;
  try {
    for (let rows = 0; rows < sampleRows; ) {
      const next = await groups.next();
      if (next.done) break;
      first.push(next.value);
      rows += next.value.length;
    }
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
    damage = error;
  }
  const reader = new RowReader(header, table.delimiter, first.flat().slice(0, sampleRows));
  async function* all(): AsyncGenerator<CsvRow[]> {
    try {
      yield* first.splice(0);
      if (damage) throw damage;
      yield* { [Symbol.asyncIterator]: () => groups };
    } finally {
      await table.close();
    }
  }
  return { table, header, reader, groups: all() };
}

function headerOf(source: Source, table: Table, map: ColumnMap | undefined): Header {
  try {
    const header = readHeader(table.header.fields, { delimiter: table.delimiter, ...(map ? { map } : {}) });
    if (header.layout.unquoted) table.withoutQuotes();
    return header;
  } catch (error) {
    throw error instanceof UnusableFile ? new UnusableFile(`${source.name}: ${error.message}`) : error;
  }
}

/** The highest id in the first rows of a file, up to where it is damaged; 0 where it has no ids. Reads it as a whole. */
export async function highestIdOf(
  source: Source,
  options: FilmOptions,
  mostRows: number,
  signal?: AbortSignal,
): Promise<number> {
  const { table, header, groups } = await openFilms(source, options);
  const [position] = header.positions.get('movieId') ?? [];
  if (position === undefined) {
    await table.close();
    return 0;
  }
  let highest = 0;
  let rows = 0;
  try {
    for await (const group of groups) {
      for (const { fields } of group) {
        if (++rows > mostRows || signal?.aborted) return highest;
        const id = Number(fields[position]?.replaceAll(',', ''));
        if (Number.isInteger(id) && id > highest && id <= 2_147_483_647) highest = id;
      }
    }
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
  }
  return highest;
}
