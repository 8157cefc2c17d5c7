import assert from 'node:assert/strict';
import {
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { describeColumns } from '../columns.ts';
import { openFilms } from '../films.ts';
import { LineIndex } from '../line-index.ts';
import { checkRejectsFile, Rejects, rejectsFileFor } from '../rejects.ts';
import { UnusableFile } from '../unusable-file.ts';
import { checkEncoding, likelyEncoding } from './encoding.ts';
import { sourceOf, streamSource } from './source.ts';
import { openTable } from './table.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

function write(data: string | Uint8Array, name = 'input.csv'): string {
  const file = join(folder.path, name);
  writeFileSync(file, data);
  return file;
}

async function tableOf(data: string | Uint8Array, encoding?: string) {
  const table = await openTable(sourceOf(write(data)), encoding);
  const rows: string[][] = [];
  for await (const group of table.groups) rows.push(...group.map(({ fields }) => fields));
  return { ...table, rows };
}

const refused = (data: string | Uint8Array, reason: RegExp, encoding?: string) =>
  assert.rejects(tableOf(data, encoding), (error: unknown) => {
    assert.ok(error instanceof UnusableFile, String(error));
    assert.match(error.message, reason);
    return true;
  });

const text = 'Title,Year\nAmélie,2001\n기생충,2019\n';

test('decompresses and decodes a table as its bytes demand', async () => {
  const plain = Buffer.from(text);
  const files = {
    'utf-8': plain,
    'with a byte order mark': Buffer.from(`\ufeff${text}`),
    'utf-16le': Buffer.from(`\ufeff${text}`, 'utf16le'),
    'utf-16be': Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
    gzip: gzipSync(plain),
    'two gzips in one': Buffer.concat([gzipSync(plain.subarray(0, 20)), gzipSync(plain.subarray(20))]),
    'gzip padded with zeros': Buffer.concat([gzipSync(plain), Buffer.alloc(512)]),
    zstd: zstdCompressSync(plain),
    'two zstds in one': Buffer.concat([zstdCompressSync(plain.subarray(0, 20)), zstdCompressSync(plain.subarray(20))]),
    'pzstd output': Buffer.concat([Buffer.from('502a4d1804000000', 'hex'), Buffer.alloc(4), zstdCompressSync(plain)]),
    'carriage returns only': Buffer.from(text.replaceAll('\n', '\r')),
    'a sep= line': Buffer.from(`sep=,\r\n${text}`),
    'a padded sep= line': Buffer.from(`sep=,,\r\n${text}`),
  };
  for (const [name, data] of Object.entries(files)) {
    const { rows, header } = await tableOf(data);
    assert.deepEqual(
      [header.fields, ...rows],
      [
        ['Title', 'Year'],
        ['Amélie', '2001'],
        ['기생충', '2019'],
      ],
      name,
    );
  }
});

test('reads every frame of a .zst, even with a slow reader', async () => {
  const pieces = ['Title,Year\n', 'Amélie,2001\n'.repeat(20_000), '', '기생충,2019\n'];
  const packed = Buffer.concat(pieces.map((piece) => zstdCompressSync(Buffer.from(piece))));
  const read: Uint8Array[] = [];
  for await (const chunk of streamSource('films', Readable.from([packed])).open().chunks) {
    read.push(chunk);
    await pause(5);
  }
  assert.equal(Buffer.concat(read).toString(), pieces.join(''));
});

test('refuses another encoding by naming it, and reads it with --encoding', async () => {
  const latin = Buffer.from('Title,Year\nAmélie,2001\nPlain,2002\n', 'latin1');
  await refused(latin, /not UTF-8; it looks like latin1 .*--encoding latin1/);
  const long = Buffer.concat([latin, Buffer.from('Amélie,2001\n'.repeat(100_000), 'latin1')]);
  await refused(long, /not UTF-8; it looks like latin1 .*--encoding latin1/);
  assert.deepEqual((await tableOf(latin, 'latin1')).rows[0], ['Amélie', '2001']);
  await refused(Buffer.from(text, 'utf16le'), /UTF-16 without a byte order mark: try --encoding utf-16le/);
  await refused(Buffer.from(text, 'utf16le').swap16(), /--encoding utf-16be/);
  assert.deepEqual((await tableOf(Buffer.from('a,b\n1,2\n', 'utf16le'), 'utf-16le')).rows, [['1', '2']]);
  const bytes = (hex: string) => Buffer.from(hex.repeat(5), 'hex');
  assert.equal(likelyEncoding(bytes('8e b5 90 6c 82 cc 8e 98'.replaceAll(' ', ''))), 'shift_jis');
  assert.equal(likelyEncoding(bytes('cfeeebedfbe920f4e8ebfcec20ee20e6e8e7ede8')), 'windows-1251');
  assert.equal(likelyEncoding(bytes('b1e2bbfdc3e6c0c720c0fcb8c1')), 'euc-kr');
  assert.equal(likelyEncoding(bytes('ced2c3c7b5c4d2bbb8f6c8cbd4dad5e2')), 'gb18030');
  // Titles only: they lack the commonest words of running text, by which an encoding is easier to recognize.
  const lists = {
    gb18030: [
      'c9cfbaa3ccb2c9d9c4eab5c4c4e3b0d4cdf5b1f0bca7cedebce4b5c0',
      'b0d4cdf5b1f0bca72cbbeed7c52cb4f3bbb0cef7d3ce2ccedebce4b5c02cced4bba2b2d8c1fa2cc8c3d7d3b5afb7c92cbaecb8dfc1bb2cb7e8bff1b5c4caafcdb7',
      // These bytes are letters in KOI8-R as well.
      'd6d8c7ecc9adc1d62ccaaec3e6c2f1b7fc2cb9a6b7f22cd3a2d0db2cb9edd7d3c0b4c1cb2cd1f4b9e2b2d3c0c3b5c4c8d5d7d32ccceccfc2ceded4f4',
    ],
    big5: [
      'b464b1a1abb0a5ab2cb6bcadb9a86ba46b2caefca8a4a443b8b92cc1c9bc77a74aa4dab5dc2cbb53d7552caad7aaeac2c3c0732cb1c0a4e22cc2bdba75a761aafcab48',
    ],
    latin1: ['c4d6dc2cc9c8c02cc7c34f2c53c34f2c41c7c34f'],
  };
  for (const [encoding, texts] of Object.entries(lists)) {
    for (const hex of texts) assert.equal(likelyEncoding(Buffer.from(hex, 'hex')), encoding, hex);
  }
  assert.equal(checkEncoding('latin1'), 'windows-1252');
  assert.throws(() => checkEncoding('klingon'), /--encoding klingon is unknown/);
});

test('an invalid byte in a UTF-8 file affects only its row', async () => {
  const broken = Buffer.concat([Buffer.from(text), Buffer.from([0x41, 0xe9, 0x2c, 0x31, 0x0a])]);
  assert.deepEqual((await tableOf(broken)).rows.at(-1), ['A\ufffd', '1']);
  const withNul = Buffer.from(`Title,Year\n${'Plain film,2001\n'.repeat(20)}A\0B,2002\n`);
  assert.deepEqual((await tableOf(withNul)).rows.at(-1), ['A\0B', '2002']);
});

test('refuses a file that is not text or is compressed in an unsupported way', async () => {
  await refused('', /is empty/);
  await refused(' \n\n', /is empty/);
  await refused(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0), /ZIP archive or a spreadsheet, not text/);
  await refused(Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0, 0), /bzip2/);
  await refused('<!DOCTYPE html><title>Not found, sorry</title>', /is HTML or XML, not a table/);
  await refused('[{"title":"Heat"}]', /is JSON, not a table/);
  for (const start of ['-- MySQL dump 10.13\n--', '/*!40101 SET NAMES utf8 */;', 'PRAGMA foreign_keys=OFF;']) {
    await refused(`${start}\nINSERT INTO movies VALUES (1,'Heat',1995);`, /is SQL, not a table/);
  }
  await refused(new Uint8Array(100), /not text/);
  await refused(
    Uint8Array.from({ length: 256 }, (_, i) => i),
    /not text/,
  );
  await refused(gzipSync(Buffer.from(text)).subarray(0, 30), /cannot be read/);
  mkdirSync(join(folder.path, 'a-folder'));
  assert.throws(() => sourceOf(join(folder.path, 'a-folder')), /is a folder/);
  assert.throws(() => sourceOf(join(folder.path, 'nothing.csv')), /does not exist/);
});

test('decompresses no more bytes than the limit', async () => {
  const file = write(gzipSync(Buffer.from(`title\n${'Alien\n'.repeat(1000)}`)), 'packed.gz');
  const rowsOf = async (maxBytes: number): Promise<number> => {
    const { groups } = await openTable(sourceOf(file, undefined, maxBytes));
    let rows = 0;
    for await (const group of groups) rows += group.length;
    return rows;
  };
  assert.equal(await rowsOf(6006), 1000);
  await assert.rejects(rowsOf(6005), /is larger than 6005 bytes when decompressed/);
});

test('reads standard input as it arrives, and applies back pressure while rows are processed', async () => {
  const { size, open } = sourceOf(
    '-',
    Readable.from([Buffer.from('Ti'), Buffer.from('tle\nA'), Buffer.from('lien\n')]),
  );
  assert.equal(size, undefined);
  const table = await openTable({ name: 'standard input', size, open });
  const rows: unknown[] = [];
  for await (const group of table.groups) rows.push(...group);
  assert.deepEqual(rows, [{ line: 2, fields: ['Alien'] }]);

  const large = await openTable(sourceOf(write(`a,b\n${`1,${'2'.repeat(997)}\n`.repeat(3000)}`)));
  let before = large.bytesRead();
  let most = before;
  for await (const _ of large.groups) {
    // Long enough for a stream without back pressure to reach its end.
    readFileSync(join(folder.path, 'input.csv'));
    most = Math.max(most, large.bytesRead() - before);
    before = large.bytesRead();
  }
  assert.equal(before, 3_000_004);
  assert.ok(most <= 1.5 * 2 ** 20, `${most} bytes were read ahead`);
});

test('refused rows never overwrite the input, whatever path leads to it', () => {
  const file = write(text, 'films.csv');
  linkSync(file, join(folder.path, 'hard.csv'));
  symlinkSync(file, join(folder.path, 'soft.csv'));
  symlinkSync(folder.path, join(folder.path, 'around'));
  for (const rejects of ['films.csv', 'hard.csv', 'soft.csv', 'around/films.csv', '../films.csv']) {
    const path = rejects.startsWith('../') ? join(folder.path, 'a-folder', rejects) : join(folder.path, rejects);
    assert.throws(() => checkRejectsFile(file, path), /would overwrite/, rejects);
  }
  assert.throws(() => checkRejectsFile(file, folder.path), /is a folder/);
  checkRejectsFile(file, join(folder.path, 'other.csv'));
  const stdin = openSync(file, 'r');
  assert.throws(
    () => checkRejectsFile('-', join(folder.path, 'soft.csv'), stdin),
    /would overwrite the file on standard input/,
  );
  checkRejectsFile('-', join(folder.path, 'other.csv'), stdin);
  closeSync(stdin);
  assert.equal(rejectsFileFor('/x/films.csv.gz', 'data'), join('data', 'rejects', 'films.rejects.csv'));
  assert.equal(rejectsFileFor('-', 'data'), join('data', 'rejects', 'stdin.rejects.csv'));
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('writes refused rows unchanged, so that they can be corrected and seeded', async () => {
  const rejects = new Rejects(join(folder.path, 'rejects', 'r.csv'), ['movieId', 'title', 'genres'], {
    delimiter: ';',
    quoted: true,
  });
  rejects.add(7, [{ column: 'a', reason: 'one; "two"' }], ['1', 'x;"y"\nz', '']);
  const written = readFileSync(rejects.file, 'utf8');
  assert.equal(written, '\ufeffLine;Column;Reason;movieId;title;genres\n7;a;"one; ""two""";1;"x;""y""\nz";\n');
  // The rejects file is UTF-8 and says so, even if --encoding of the source is given again.
  const { header, table } = await openFilms(sourceOf(rejects.file), { encoding: 'latin1' });
  assert.equal(table.encoding, 'utf-8');
  assert.equal(header.layout.name, 'MovieLens');
});

test('writes refused rows to a device or through a link without removing it', () => {
  const link = join(folder.path, 'nowhere');
  symlinkSync('/dev/null', link);
  new Rejects(link, ['title'], { delimiter: ',', quoted: true }).add(1, [], ['Heat']);
  assert.ok(lstatSync(link).isSymbolicLink());
});

test.skipIf(process.getuid?.() !== 0)('files written as root get the owner of their folder', () => {
  const data = join(folder.path, 'theirs');
  mkdirSync(data);
  chownSync(data, 1234, 5678);
  const rejects = new Rejects(join(data, 'a', 'b', 'r.csv'), ['movieId'], { delimiter: ',', quoted: true });
  rejects.add(1, [], ['1']);
  for (const path of ['a', 'a/b', 'a/b/r.csv']) {
    const { uid, gid } = statSync(join(data, path));
    assert.deepEqual([uid, gid], [1234, 5678], path);
  }
});

test('--columns shows the columns, three films, and what happens to other rows', async () => {
  const csv = write(
    'movieId,title,genres\n1,Ferry (1994),Crime|Drama\n1,Other (1990),Drama\nx,Bad,\n2,"Tower, The (2004)",War\n' +
      '3,Reel,\n4,Not shown,\n',
  );
  const withoutGaps = (line: string): string => line.trim().replace(/ +/g, ' ');
  const lines = (await describeColumns('films.csv', await openFilms(sourceOf(csv), {}))).map(withoutGaps);
  for (const line of [
    'films.csv: UTF-8, columns separated by a comma',
    'Layout: MovieLens',
    'title ← title',
    'title The Tower',
    'genres Crime | Drama',
    'line 3 is skipped: its id is already on line 2',
    'line 4 is refused: movieId: "x" is not a whole number',
  ]) {
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
  }
  assert.ok(!lines.some((line) => line.includes('Not shown')));
});

test('keeps the first line of each of many ids and texts', () => {
  const index = new LineIndex();
  for (let i = 1; i <= 50_000; i++) {
    assert.equal(index.add(i * 40_000, i), undefined);
    assert.equal(index.add(`film ${i}`, i), undefined);
  }
  for (let i = 1; i <= 50_000; i += 7) {
    assert.equal(index.add(i * 40_000, 99), i);
    assert.equal(index.add(`film ${i}`, 99), i);
  }
});
