/** Bytes of a file or of standard input, unpacked where they are packed. */
import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf } from '../../shared/operations/errors.ts';
import { UnusableFile } from '../unusable-file.ts';

const chunkBytes = 256 * 1024;

export interface Source {
  /** How messages call it. */
  name: string;
  /** In bytes; undefined where that cannot be known. */
  size: number | undefined;
  /** Reads it from the beginning. A stream, such as standard input, can be read once. */
  open(): Reading;
}

/** One way through a source. */
export interface Reading {
  chunks: AsyncIterable<Uint8Array>;
  /** Bytes of the file read so far, packed as they are there. */
  bytesRead(): number;
}

/**
 * A file by its path; `-` is standard input.
 * @param mostBytes reading fails behind so many, unpacked: a small file can hold any number
 * @throws UnusableFile when it is missing, empty or not a file.
 */
export function sourceOf(path: string, stdin: Readable = process.stdin, mostBytes = Number.POSITIVE_INFINITY): Source {
  if (path === '-') return streamSource('standard input', stdin);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UnusableFile(`${path} does not exist`);
  if (stats.isDirectory()) throw new UnusableFile(`${path} is not a file`);
  if (stats.isFile() && stats.size === 0) throw new UnusableFile(`${path} is empty`);
  const open = (): Reading => reading(path, createReadStream(path, { highWaterMark: chunkBytes }), mostBytes);
  return { name: path, size: stats.isFile() ? stats.size : undefined, open };
}

/** What comes as a stream, such as an upload; it can be read once. */
export function streamSource(name: string, stream: Readable): Source {
  return { name, size: undefined, open: () => reading(name, stream) };
}

function reading(name: string, stream: Readable, mostBytes = Number.POSITIVE_INFINITY): Reading {
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      bytes += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  }
  return { chunks: bounded(name, unpacked(name, counted()), mostBytes), bytesRead: () => bytes };
}

async function* bounded(name: string, chunks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw new UnusableFile(`${name} has more than ${most} bytes, unpacked`);
    yield chunk;
  }
}

/** @throws UnusableFile when it cannot be read or unpacked. */
async function* unpacked(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    const first = await beginning(iterator);
    const unpacker = unpackerOf(name, first);
    if (unpacker) yield* through(unpacker, first, iterator);
    else {
      yield first;
      yield* { [Symbol.asyncIterator]: () => iterator };
    }
  } catch (error) {
    if (error instanceof UnusableFile) throw error;
    throw new UnusableFile(`${name} cannot be read: ${messageOf(error)}`);
  } finally {
    await iterator.return?.(undefined);
  }
}

/** Enough to see what it is. */
async function beginning(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array();
  while (bytes.length < 8) {
    const { value, done } = await iterator.next();
    if (done) break;
    bytes = bytes.length === 0 ? value : Buffer.concat([bytes, value]);
  }
  return bytes;
}

/** @throws UnusableFile for what is packed in another way. */
function unpackerOf(name: string, first: Uint8Array): typeof createGunzip | typeof createZstdDecompress | undefined {
  const magic = Buffer.from(first.subarray(0, 6)).toString('hex');
  if (magic.startsWith('1f8b')) return createGunzip;
  // Before a piece there may be one to be passed over.
  if (/^(28b52ffd|5.2a4d18)/.test(magic)) return createZstdDecompress;
  if (/^504b0(304|506|708)/.test(magic)) {
    throw new UnusableFile(`${name} is a ZIP archive or a spreadsheet, not text: unpack it, or save it as CSV`);
  }
  if (magic.startsWith('425a68') || magic === 'fd377a585a00') {
    throw new UnusableFile(`${name} is packed by bzip2 or xz: unpack it (.gz and .zst are read as they are)`);
  }
  return undefined;
}

/**
 * Unpacks what is packed in one piece or in several behind each other, as by pzstd: Node's Zstandard ends behind the first that
 * ends within a chunk, and says nothing of the rest. Its gzip goes on, and passes over zeros at the end.
 */
async function* through(
  unpacker: typeof createGunzip | typeof createZstdDecompress,
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array, undefined>,
): AsyncGenerator<Uint8Array> {
  for (let chunk: Uint8Array | undefined = first; chunk?.length; ) {
    const unpack = unpacker();
    let given = 0;
    const feed = async (): Promise<void> => {
      for (; chunk; chunk = (await rest.next()).value) {
        given += chunk.length;
        await new Promise((resolve) => unpack.write(chunk, resolve));
        // It has ended, though what it gave may still be on its way to the reader.
        if (unpack.bytesWritten < given) return;
      }
      unpack.end();
    };
    feed().catch((error: unknown) => unpack.destroy(error as Error));
    for await (const piece of unpack) yield piece as Uint8Array;
    if (unpacker === createGunzip) return;
    chunk = chunk?.subarray(chunk.length - given + unpack.bytesWritten);
  }
}
