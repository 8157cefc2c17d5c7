/** Opens a file of films: reads its header, and prepares a reader for its rows. */
import type { CsvRow } from './csv/rows.ts';
import type { Source } from './file/source.ts';
import { openTable, type Table } from './file/table.ts';
import { type ColumnMap, type Header, readHeader } from './layout/header.ts';
import { RowReader } from './layout/row.ts';
import { UnusableFile } from './unusable-file.ts';

export interface FilmOptions {
  /** Encoding of a file without a byte order mark that is not UTF-8. */
  encoding?: string | undefined;
  /** Columns of fields that the header does not identify. */
  map?: ColumnMap | undefined;
}

export interface Films {
  table: Table;
  header: Header;
  reader: RowReader;
  /** Groups of rows after the header. The file is closed when the iteration ends, early or not. */
  groups: AsyncIterable<CsvRow[]>;
}

/** Rows read ahead to detect the unit of the revenue column. */
const sampleRows = 200;

/** Opens a file of films. @throws UnusableFile when it is not a table, or its header matches no known layout */
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

/** Returns the highest id in the first `maxRows` rows, up to a damaged part of the file; 0 if there is none. */
export async function highestIdOf(
  source: Source,
  options: FilmOptions,
  maxRows: number,
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
        if (++rows > maxRows || signal?.aborted) return highest;
        const id = Number(fields[position]?.replaceAll(',', ''));
        if (Number.isInteger(id) && id > highest && id <= 2_147_483_647) highest = id;
      }
    }
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
  }
  return highest;
}
