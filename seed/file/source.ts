/** Reads the bytes of a file or of standard input, decompressing gzip and Zstandard. */
import { createReadStream, statSync } from 'node:fs';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf } from '../../shared/operations/errors.ts';
import { UnusableFile } from '../unusable-file.ts';
import { zstdPieces } from './zstd.ts';

const chunkBytes = 256 * 1024;

export interface Source {
  /** Name for messages. */
  name: string;
  /** Size in bytes; undefined for a stream. */
  size: number | undefined;
  /** Starts reading from the beginning. A stream, such as standard input, can be opened only once. */
  open(): Reading;
}

/** One pass over a source. */
export interface Reading {
  chunks: AsyncIterable<Uint8Array>;
  /** Bytes read so far, before decompression. */
  bytesRead(): number;
}

/**
 * Returns a source for a path; `-` is standard input.
 * @param maxBytes limit after decompression, since a small file can expand to any size
 * @throws UnusableFile when the file is missing, empty or a folder
 */
export function sourceOf(path: string, stdin: Readable = process.stdin, maxBytes = Number.POSITIVE_INFINITY): Source {
  if (path === '-') return streamSource('standard input', stdin);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new UnusableFile(`${path} does not exist`);
  if (stats.isDirectory()) throw new UnusableFile(`${path} is a folder, not a file`);
  if (stats.isFile() && stats.size === 0) throw new UnusableFile(`${path} is empty`);
  const open = (): Reading => reading(path, createReadStream(path, { highWaterMark: chunkBytes }), maxBytes);
  return { name: path, size: stats.isFile() ? stats.size : undefined, open };
}

/** Returns a source for a stream, such as an upload; it can be opened only once. */
export function streamSource(name: string, stream: Readable): Source {
  return { name, size: undefined, open: () => reading(name, stream) };
}

function reading(name: string, stream: Readable, maxBytes = Number.POSITIVE_INFINITY): Reading {
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      bytes += (chunk as Uint8Array).length;
      yield chunk as Uint8Array;
    }
  }
  return { chunks: bounded(name, decompressed(name, counted()), maxBytes), bytesRead: () => bytes };
}

async function* bounded(name: string, chunks: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw new UnusableFile(`${name} is larger than ${most} bytes when decompressed`);
    yield chunk;
  }
}

/** Yields the bytes, decompressed if needed. @throws UnusableFile when they cannot be read or decompressed */
async function* decompressed(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  async function* all(first: Uint8Array): AsyncGenerator<Uint8Array> {
    yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  try {
    const first = await beginning(iterator);
    const format = compressionOf(name, first);
    if (format === 'gzip') yield* decoded(createGunzip(), all(first));
    else if (format === 'zstd') yield* decoded(createZstdDecompress(), zstdPieces(all(first)));
    else yield* all(first);
  } catch (error) {
    if (error instanceof UnusableFile) throw error;
    throw new UnusableFile(`${name} cannot be read: ${messageOf(error)}`);
  } finally {
    await iterator.return?.(undefined);
  }
}

/** Reads enough bytes to recognize the format. */
async function beginning(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let bytes: Uint8Array = new Uint8Array();
  while (bytes.length < 8) {
    const { value, done } = await iterator.next();
    if (done) break;
    bytes = bytes.length === 0 ? value : Buffer.concat([bytes, value]);
  }
  return bytes;
}

/** Returns the compression that the first bytes show; undefined for plain text. @throws UnusableFile for other formats */
function compressionOf(name: string, first: Uint8Array): 'gzip' | 'zstd' | undefined {
  const magic = Buffer.from(first.subarray(0, 6)).toString('hex');
  if (magic.startsWith('1f8b')) return 'gzip';
  // A Zstandard file may start with a skippable frame.
  if (/^(28b52ffd|5.2a4d18)/.test(magic)) return 'zstd';
  if (/^504b0(304|506|708)/.test(magic)) {
    throw new UnusableFile(`${name} is a ZIP archive or a spreadsheet, not text: unpack it, or save it as CSV`);
  }
  if (magic.startsWith('425a68') || magic === 'fd377a585a00') {
    throw new UnusableFile(`${name} is compressed with bzip2 or xz: decompress it (.gz and .zst can be read directly)`);
  }
  return undefined;
}

async function* decoded(decoder: Transform, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const feed = async (): Promise<void> => {
    for await (const piece of pieces) {
      await new Promise<void>((resolve, reject) => {
        decoder.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    }
    decoder.end();
  };
  feed().catch((error: unknown) => decoder.destroy(error as Error));
  for await (const chunk of decoder) yield chunk as Uint8Array;
}
