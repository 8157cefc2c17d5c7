/** Opening, scanning and closing a file of films. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Source } from './file/source.ts';
import { highestIdOf, openFilms } from './films.ts';
import { UnusableFile } from './unusable-file.ts';

const megabyte = 'x'
  .repeat(1 << 10)
  .concat(',1\n')
  .repeat(1 << 10);

/** Creates a source of texts that counts its open readers. */
function sourceOf(...texts: string[]) {
  const opened = { count: 0 };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    opened.count++;
    try {
      for (const text of texts) yield Buffer.from(text);
    } finally {
      opened.count--;
    }
  }
  const source: Source = { name: 'films.csv', size: 1, open: () => ({ chunks: chunks(), bytesRead: () => 0 }) };
  return { source, opened };
}

const map = new Map([['title' as const, ['title']]]);
const highestIn = (...texts: string[]) => highestIdOf(sourceOf(...texts).source, { map }, Number.POSITIVE_INFINITY);

test('highestIdOf ignores values that are not valid movie ids', async () => {
  assert.equal(await highestIn('movieId,title\n3,Heat\n7.5,Alien\nx,Up\n99999999999,Jaws\n'), 3);
  assert.equal(await highestIn('title,year\nHeat,1995\n'), 0);
});

test('reads the rows before the damage of a damaged file, few or many', async () => {
  for (const rows of [3, 1000]) {
    const text = Array.from({ length: rows }, (_, i) => `${i + 1},Film ${i + 1}\n`).join('');
    const { source } = sourceOf('movieId,title\n', text, '\0');
    const damaged = { ...source, open: () => ({ chunks: cutOff(source.open().chunks), bytesRead: () => 0 }) };
    assert.equal(await highestIdOf(damaged, { map }, Number.POSITIVE_INFINITY), rows);
    const { groups } = await openFilms(damaged, { map });
    let read = 0;
    const all = async (): Promise<void> => {
      for await (const group of groups) read += group.length;
    };
    await assert.rejects(all, /is cut off/);
    assert.equal(read, rows);
  }
});

/** Yields the chunks before the one that starts with NUL, then throws. */
async function* cutOff(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (chunk[0] === 0) throw new UnusableFile('films.csv is cut off');
    yield chunk;
  }
}

test('closes a file larger than the first read, however reading ends', async () => {
  const closed = async (header: string, use: (source: Source) => Promise<unknown>): Promise<void> => {
    const { source, opened } = sourceOf(header, megabyte, megabyte, megabyte);
    await use(source);
    assert.equal(opened.count, 0, header.slice(0, 20));
  };
  const highest = (source: Source) => highestIdOf(source, { map }, 5);
  await closed('title,year\n', highest);
  await closed('title,movieId\n', highest);
  for (const refused of ['colour,size\n', '[{"a": 1}]\n', 'y'.repeat(1 << 21), '\0'.repeat(1 << 20)]) {
    await closed(refused, (source) => assert.rejects(openFilms(source, {})));
  }
  await closed('title,year\n', async (source) => {
    for await (const _ of (await openFilms(source, { map })).groups) break;
  });
  await closed('title,year\n', async (source) => (await openFilms(source, { map })).table.close());
});
