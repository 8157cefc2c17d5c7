/** Reads a file as rows: decompressed, decoded and parsed. */
import { findForm } from '../csv/form.ts';
import { CsvReader, type CsvRow } from '../csv/rows.ts';
import { UnusableFile } from '../unusable-file.ts';
import { decode } from './encoding.ts';
import type { Source } from './source.ts';

export interface Table {
  encoding: string;
  delimiter: string;
  /** The first row and its line. */
  header: CsvRow;
  /** Groups of rows after the header. Reading pauses while the consumer processes a group. */
  groups: AsyncIterable<CsvRow[]>;
  bytesRead: () => number;
  /** Stops reading before the end. */
  close(): Promise<void>;
  /** Treats quotes as ordinary characters. Must be called before any group is read. */
  withoutQuotes(): void;
}

/** Rows in a group: few enough that sending the first overlaps with reading the next. */
const groupRows = 250;

/**
 * Opens a table and reads its header.
 * @throws UnusableFile when the source is not text or has no header; `groups` throws it when reading fails later
 */
export async function openTable(source: Source, encoding?: string): Promise<Table> {
  const { chunks, bytesRead } = source.open();
  const texts = decode(source.name, chunks, encoding);
  const close = async (): Promise<void> => void (await texts.return(undefined));
  try {
    return { ...(await tableOf(source.name, texts)), bytesRead, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function tableOf(name: string, texts: ReturnType<typeof decode>): Promise<Omit<Table, 'bytesRead' | 'close'>> {
  const first = await texts.next();
  if (first.done || first.value.text.trim() === '') throw new UnusableFile(`${name} is empty`);
  const other = otherFormat(first.value.text);
  if (other) throw new UnusableFile(`${name} is ${other}, not a table: save it as CSV`);
  const { delimiter, skip, line, returnsOnly } = findForm(first.value.text.slice(0, 1 << 18));
  const reader = new CsvReader({ delimiter, quoted: true }, line);
  const add = (text: string): void => reader.add(returnsOnly ? text.replaceAll('\r', '\n') : text);
  add(first.value.text.slice(skip));

  const more = async (): Promise<boolean> => {
    const next = await texts.next();
    if (next.done) reader.end();
    else add(next.value.text);
    return !next.done;
  };
  let goesOn = true;
  let header = reader.next();
  while (!header && goesOn) {
    goesOn = await more();
    header = reader.next();
  }
  if (!header) throw new UnusableFile(`${name} has no header`);

  async function* groups(): AsyncGenerator<CsvRow[]> {
    for (;;) {
      const rows: CsvRow[] = [];
      while (rows.length < groupRows) {
        const row = reader.next();
        if (!row) break;
        rows.push(row);
      }
      if (rows.length > 0) yield rows;
      else if (!goesOn) return;
      else goesOn = await more();
    }
  }
  return {
    encoding: first.value.encoding,
    delimiter,
    header,
    groups: groups(),
    withoutQuotes: () => reader.withoutQuotes(),
  };
}

/** Returns the name of a text format that is not a table; undefined for none. */
function otherFormat(text: string): string | undefined {
  if (/^\s*</.test(text)) return 'HTML or XML';
  if (/^\s*(?:--|\/\*|(?:pragma|create table|insert into)\s)/i.test(text)) return 'SQL';
  return /^\s*[[{]\s*["{[]/.test(text) ? 'JSON' : undefined;
}
