import assert from 'node:assert/strict';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { temporaryFolder } from '../tests/folder.ts';
import { type CsvRow, checkFile, readCsv, UnusableFile } from './csv.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function write(data: string | Uint8Array): string {
  const file = join(folder.path, 'input.csv');
  writeFileSync(file, data);
  return file;
}

async function rowsOf(data: string | Uint8Array): Promise<CsvRow[]> {
  const rows: CsvRow[] = [];
  for await (const group of readCsv(write(data))) rows.push(...group.rows);
  return rows;
}

const simple = async (data: string | Uint8Array) => (await rowsOf(data)).map(({ line, fields }) => [line, ...fields]);

const unusable = (reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof UnusableFile, String(error));
  assert.match(error.message, reason);
  return true;
};

test('rows have the line on which they begin, whatever their fields hold', async () => {
  const data = 'a,b\n1,"x\ny"\n2,"he said ""no"""\n\n3,"a,b\r\n\r\nc"\n4,é😀\n';
  assert.deepEqual(await simple(data), [
    [1, 'a', 'b'],
    [2, '1', 'x\ny'],
    [4, '2', 'he said "no"'],
    [6, '3', 'a,b\r\n\r\nc'],
    [9, '4', 'é😀'],
  ]);
});

test('every kind of line end is one, also when they are mixed', async () => {
  const wanted = [
    [1, 'a', 'b'],
    [2, '1', '2'],
    [3, '3', '4'],
    [4, '5', '6'],
  ];
  const files = {
    LF: 'a,b\n1,2\n3,4\n5,6\n',
    CRLF: 'a,b\r\n1,2\r\n3,4\r\n5,6\r\n',
    CR: 'a,b\r1,2\r3,4\r5,6\r',
    'no last line end': 'a,b\n1,2\n3,4\n5,6',
    'CRLF header, LF rows': 'a,b\r\n1,2\n3,4\n5,6\n',
    'LF header, CRLF rows': 'a,b\n1,2\r\n3,4\r\n5,6\r\n',
    'quoted before CRLF': 'a,"b"\n1,"2"\r\n3,"4"\r\n5,"6"\r\n',
  };
  for (const [name, data] of Object.entries(files)) {
    const trimmed = (await simple(data)).map((row) =>
      row.map((field) => (typeof field === 'string' ? field.trim() : field)),
    );
    assert.deepEqual(trimmed, wanted, name);
  }
});

test('a byte order mark is no part of the header, quoted or not', async () => {
  assert.deepEqual(await simple('\ufeffa,b\n1,2\n'), [
    [1, 'a', 'b'],
    [2, '1', '2'],
  ]);
  assert.deepEqual(await simple('\ufeff"a, x",b\n1,2\n'), [
    [1, 'a, x', 'b'],
    [2, '1', '2'],
  ]);
});

test('lines are counted across the parts that a large file is read in', async () => {
  const lines = Array.from({ length: 30_000 }, (_, i) =>
    i % 7 === 0 ? `${i},"one\ntwo ${'é'.repeat(20)}"` : `${i},plain text`,
  );
  const rows = await rowsOf(`id,text\n${lines.join('\n')}\n`);
  assert.equal(rows.length, 30_001);
  let line = 2;
  for (const [index, row] of rows.slice(1).entries()) {
    assert.equal(row.fields[0], String(index));
    assert.equal(row.line, line);
    assert.equal(row.problem, undefined);
    line += index % 7 === 0 ? 2 : 1;
  }
});

test('a quote inside a row that is not closed is a problem of that row', async () => {
  const rows = await rowsOf('a,b\n1,2\n3,"4\n5,6\n');
  assert.deepEqual(
    rows.slice(0, 2).map(({ problem }) => problem),
    [undefined, undefined],
  );
  assert.equal(rows[2]?.line, 3);
  assert.match(rows[2]?.problem ?? '', /quote/i);
});

test('a quote that swallows megabytes makes the file unusable instead of filling the memory', async () => {
  const file = write(`a,b\n1,"never closed\n${'x,y\n'.repeat(2_000_000)}`);
  await assert.rejects(
    async () => {
      for await (const _ of readCsv(file));
    },
    unusable(/line 2 .*quote/),
  );
});

test('reading waits for whoever works on the rows', async () => {
  const file = write(`a,b\n${'1,2\n'.repeat(500_000)}`);
  let most = 0;
  let before = 0;
  for await (const { bytes } of readCsv(file)) {
    // Long enough for a stream that does not wait to be at the end.
    for await (const _ of createReadStream(file));
    most = Math.max(most, bytes - before);
    before = bytes;
  }
  assert.equal(before, 2_000_004);
  assert.ok(most <= 4 * 256 * 1024, `${most} bytes were read ahead`);
});

test('a file that is no text in UTF-8 is refused before it is read', () => {
  const refused = (data: string | Uint8Array, reason: RegExp) =>
    assert.throws(() => checkFile(write(data)), unusable(reason));
  refused('', /is empty/);
  refused(Buffer.from('\ufeffRank,Title\n', 'utf16le'), /UTF-16/);
  refused(Buffer.from('Rank,Title\n', 'utf16le'), /UTF-16/);
  refused(Buffer.from('Rank,Title\n', 'utf16le').swap16(), /UTF-16/);
  refused(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), /not text/);
  mkdirSync(join(folder.path, 'a-folder'));
  assert.throws(() => checkFile(join(folder.path, 'a-folder')), unusable(/is not a file/));
  assert.throws(() => checkFile(join(folder.path, 'nothing.csv')), unusable(/does not exist/));
  assert.equal(checkFile(write('Rank\n')), 5);
});
