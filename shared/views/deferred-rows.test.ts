import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type DeferredRows, DeferredWriter } from './deferred-rows.ts';

/** A writer of so many rows, with what it has written. */
function writerOf(size: number, { isRead = true, failures = 0 } = {}) {
  const written: number[] = [];
  const rows: DeferredRows & { size: number } = {
    size,
    write(most) {
      const count = Math.min(most, rows.size);
      rows.size -= count;
      written.push(count);
    },
  };
  const all = Promise.withResolvers<void>();
  let tries = 0;
  const writer = new DeferredWriter({
    rows: [rows],
    isRead: () => isRead,
    run(work) {
      if (++tries <= failures) return false;
      work();
      return true;
    },
    written: all.resolve,
  });
  return { rows, writer, written, all: all.promise, tries: () => tries };
}

test('rows that nobody asks for are written after a while, a part at a time', async () => {
  const { writer, written, all } = writerOf(600);
  using _ = writer;
  writer.look();
  assert.deepEqual(written, []);
  assert.equal(writer.pending, true);
  await all;
  assert.deepEqual(written, [256, 256, 88]);
  assert.equal(writer.pending, false);
});

test('who wants to read them has all of them written', () => {
  const { writer, written } = writerOf(600);
  using _ = writer;
  assert.equal(writer.writeAll(), true);
  assert.deepEqual(written, [600]);
  assert.equal(writer.writeAll(), true);
  assert.deepEqual(written, [600], 'there is nothing more');
});

test('not too many are put off: fewer where somebody reads than while a view is built', () => {
  for (const [isRead, most] of [
    [true, 2000],
    [false, 50_000],
  ] as const) {
    const { rows, writer, written } = writerOf(most + 7, { isRead });
    using _ = writer;
    writer.look();
    assert.deepEqual([written, rows.size], [[7], most]);
  }
});

test('who waits is not refused before it has been tried twice', () => {
  const { writer, tries } = writerOf(5, { failures: 1 });
  using _ = writer;
  assert.deepEqual([writer.writeAll(), tries()], [true, 2]);
});

test('rows that cannot be written are tried again', async () => {
  const { writer, written, all, tries } = writerOf(5, { failures: 2 });
  using _ = writer;
  assert.equal(writer.writeAll(), false);
  assert.equal(writer.pending, true);
  writer.look();
  await all;
  assert.deepEqual([written, tries()], [[5], 3]);
});
