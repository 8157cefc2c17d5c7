/** A file as rows: unpacked, decoded and parted. */
import { findForm } from '../csv/form.ts';
import { CsvReader, type CsvRow } from '../csv/rows.ts';
import { UnusableFile } from '../unusable-file.ts';
import { decode } from './encoding.ts';
import type { Source } from './source.ts';

export interface Table {
  encoding: string;
  delimiter: string;
  /** The first row, with the line that it is on. */
  header: CsvRow;
  /** Rows behind the header, in groups as they are read. Reading waits while a group is worked on. */
  groups: AsyncIterable<CsvRow[]>;
  bytesRead: () => number;
  /** Ends reading where nobody wants the rest. */
  close(): Promise<void>;
  /** From here on quotes are characters as any other. To be said before rows are read. */
  withoutQuotes(): void;
}

/** Few enough that the first are on their way while the next are read. */
const groupRows = 250;

/**
 * Opens a table up to its header.
 * @throws UnusableFile when it is no text, or has no header; so does `groups` when it can be read no further.
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

/** What a text is that is no table. */
function otherFormat(text: string): string | undefined {
  if (/^\s*</.test(text)) return 'HTML or XML';
  return /^\s*[[{]\s*["{[]/.test(text) ? 'JSON' : undefined;
}
