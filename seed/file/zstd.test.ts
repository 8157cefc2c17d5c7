import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { constants, zstdCompressSync } from 'node:zlib';
import { test } from 'vitest';
import { zstdPieces } from './zstd.ts';

const text = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `${i},Film ${(i * 7919) % 1009}`).join('\n'));
const plain = zstdCompressSync(text);
const checked = zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const skipped = Buffer.concat([Buffer.from('5a2a4d1805000000', 'hex'), Buffer.from('hello')]);

async function piecesOf(data: Uint8Array, chunkBytes = 1000): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += chunkBytes) chunks.push(data.subarray(at, at + chunkBytes));
  const pieces: Uint8Array[] = [];
  for await (const piece of zstdPieces(Readable.from(chunks))) pieces.push(piece);
  return pieces;
}

test('splits frames at their headers, blocks and checksums, and leaves out skippable frames', async () => {
  for (const chunkBytes of [100, 1_000_000]) {
    const pieces = await piecesOf(Buffer.concat([skipped, checked, plain, skipped]), chunkBytes);
    assert.deepEqual(Buffer.concat(pieces), Buffer.concat([checked, plain]));
    // A block has at most 128 KiB of text.
    const blocks = Math.ceil(text.length / (128 * 1024));
    assert.equal(pieces.length, 1 + blocks + 1 + 1 + blocks);
    assert.deepEqual(Buffer.concat(pieces.slice(0, 1 + blocks + 1)), checked);
  }
});

test('a file that is cut off anywhere, or continues with other data, is an error', async () => {
  for (const file of [plain, checked, zstdCompressSync(Buffer.from('a')), skipped]) {
    for (let size = 1; size < file.length; size += Math.ceil(file.length / 300)) {
      await assert.rejects(piecesOf(file.subarray(0, size)), /unexpected end of file/, `${size}`);
    }
    await assert.rejects(piecesOf(Buffer.concat([file, Buffer.from('\0\0\0\0\0')])), /followed by something else/);
  }
});
