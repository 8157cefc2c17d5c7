/** Reading a CSV file of any size, row by row with line numbers, in constant memory. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import Papa from 'papaparse';

/** The file cannot be used at all; the message says why. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile';
}

export interface CsvRow {
  /** Line of the file on which the row begins; the header is line 1. */
  line: number;
  fields: string[];
  /** What is wrong with the row as CSV. */
  problem?: string;
}

const chunkBytes = 256 * 1024;
/** A row longer than that is a quote that was never closed. */
const maxRowChunks = 16;

/** Size in bytes. @throws UnusableFile when the file is missing, empty, not a file, or not UTF-8 text. */
export function checkFile(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) throw new UnusableFile(`${file} does not exist`);
  if (!stats.isFile()) throw new UnusableFile(`${file} is not a file`);
  if (stats.size === 0) throw new UnusableFile(`${file} is empty`);
  let start: Buffer;
  try {
    start = readStart(file, stats.size);
  } catch (error) {
    throw new UnusableFile(`${file} cannot be read: ${(error as Error).message}`);
  }
  const mark = start.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff' || start.includes(0)) {
    throw new UnusableFile(`${file} is in UTF-16 or is not text; it must be in UTF-8`);
  }
  return stats.size;
}

function readStart(file: string, size: number): Buffer {
  const start = Buffer.alloc(Math.min(size, 4096));
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return start;
}

/**
 * How the file is written. Papaparse's own guess takes the first line end for all, and a file that was edited on two
 * systems for one long row: a line feed ends a row, with or without a carriage return before it.
 */
function formOf(file: string): { start: number; newline: '\n' | '\r' } {
  const text = readStart(file, statSync(file).size);
  const marked = text.subarray(0, 3).toString('hex') === 'efbbbf';
  return { start: marked ? 3 : 0, newline: text.includes('\r') && !text.includes('\n') ? '\r' : '\n' };
}

interface Chunk {
  rows: string[][];
  errors: Papa.ParseError[];
}

/**
 * Rows of the file in groups as they are read, with the number of bytes read so far. Reading waits while a group is
 * worked on.
 * @throws UnusableFile when a quote is opened and never closed.
 */
export async function* readCsv(file: string): AsyncGenerator<{ rows: CsvRow[]; bytes: number }> {
  const { start, newline } = formOf(file);
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: chunkBytes, start });
  let line = 1;
  let withoutRow = 0;
  try {
    for await (const { rows, errors } of chunks(stream, newline)) {
      withoutRow = rows.length > 0 ? 0 : withoutRow + 1;
      if (withoutRow > maxRowChunks) {
        throw new UnusableFile(
          `the row that begins on line ${line} does not end: is there a quote that is not closed?`,
        );
      }
      const problems = new Map(errors.map((error) => [error.row ?? -1, error.message]));
      const group: CsvRow[] = [];
      rows.forEach((fields, index) => {
        dropReturn(fields);
        const problem = problems.get(index);
        // A blank line is no row.
        if (fields.length > 1 || fields[0] !== '') group.push({ line, fields, ...(problem ? { problem } : {}) });
        line += 1 + lineBreaks(fields);
      });
      yield { rows: group, bytes: start + stream.bytesRead };
    }
  } finally {
    stream.destroy();
  }
}

/** The carriage return before the line feed that ended the row. */
function dropReturn(fields: string[]): void {
  const last = fields.at(-1);
  if (last?.endsWith('\r')) fields[fields.length - 1] = last.slice(0, -1);
}

function lineBreaks(fields: string[]): number {
  let count = 0;
  for (const field of fields) {
    if (!/[\r\n]/.test(field)) continue;
    count += field.match(/\r\n|\r|\n/g)?.length ?? 0;
  }
  return count;
}

/**
 * Papaparse's chunks as an iterator. While a chunk is with the reader the parser is paused and so is the stream, which
 * the parser would otherwise go on reading into a queue.
 */
async function* chunks(stream: ReturnType<typeof createReadStream>, newline: '\n' | '\r'): AsyncGenerator<Chunk> {
  let wake = Promise.withResolvers<void>();
  let parser: Papa.Parser | undefined;
  let ready: Chunk | undefined;
  let done = false;
  let failure: Error | undefined;
  Papa.parse<string[], NodeJS.ReadableStream>(stream, {
    delimiter: ',',
    newline,
    chunk(results, handle) {
      parser = handle;
      handle.pause();
      stream.pause();
      ready = { rows: results.data, errors: results.errors };
      wake.resolve();
    },
    complete() {
      done = true;
      wake.resolve();
    },
    error(error) {
      failure = error;
      wake.resolve();
    },
  });
  for (;;) {
    await wake.promise;
    if (failure) throw new UnusableFile(`the file cannot be read: ${failure.message}`);
    wake = Promise.withResolvers<void>();
    if (ready) {
      const chunk = ready;
      ready = undefined;
      yield chunk;
      if (!done) {
        stream.resume();
        parser?.resume();
      }
    }
    if (done && !ready) return;
  }
}
