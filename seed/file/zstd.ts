/** Splits Zstandard data (RFC 8878) into its blocks. */

const magic = 0xfd2fb528;
/** A skippable frame's magic number, without its lowest four bits. */
const skippable = 0x184d2a5;
const pieceBytes = 1 << 16;

/**
 * Yields the frames in pieces, each ending where a header, block or checksum does, and leaves out skippable frames. A
 * decoder gets each piece in a write of its own, because decoders differ otherwise: some accept a frame that is cut off,
 * Node's ignores what follows a frame in the same write, and Deno's throws an uncaught error if a write has several
 * blocks and a damaged one is not the first.
 * @throws Error when the data ends within a frame or is not in this format
 */
export async function* zstdPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let held = Buffer.alloc(0);
  const has = async (size: number): Promise<boolean> => {
    while (held.length < size) {
      const next = await iterator.next();
      if (next.done) return false;
      held = Buffer.concat([held, next.value]);
    }
    return true;
  };
  const read = async (size: number): Promise<Buffer> => {
    if (!(await has(size))) throw new Error('unexpected end of file');
    const piece = held.subarray(0, size);
    held = held.subarray(size);
    return piece;
  };

  while (await has(1)) {
    const start = await read(4);
    const number = start.readUInt32LE();
    if (number >>> 4 === skippable) {
      const size = (await read(4)).readUInt32LE();
      for (let left = size; left > 0; left -= pieceBytes) await read(Math.min(left, pieceBytes));
      continue;
    }
    if (number !== magic) throw new Error('the compressed data is followed by something else');
    const descriptor = await read(1);
    const flags = descriptor.readUInt8();
    yield Buffer.concat([start, descriptor, await read(restOfHeader(flags))]);
    for (let isLast = false; !isLast; ) {
      const header = await read(3);
      const block = header.readUIntLE(0, 3);
      isLast = block % 2 === 1;
      // A block of type 1 is one byte, repeated.
      const size = ((block >> 1) & 3) === 1 ? 1 : block >> 3;
      yield Buffer.concat([header, await read(size)]);
    }
    const hasChecksum = (flags & 4) !== 0;
    if (hasChecksum) yield await read(4);
  }
}

/** Returns the length of a frame's header after its flags: window, dictionary and content size. */
function restOfHeader(flags: number): number {
  const isSingleSegment = (flags & 32) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  return (isSingleSegment ? 0 : 1) + dictionary + contentSize;
}
