import assert from 'node:assert/strict';
import { test } from 'vitest';
import { findForm } from './form.ts';
import { CsvReader, type CsvRow } from './rows.ts';

/** Parses a text that arrives in chunks of `part` characters. */
function rowsOf(text: string, { delimiter = ',', quoted = true, part = text.length } = {}): CsvRow[] {
  const reader = new CsvReader({ delimiter, quoted });
  const rows: CsvRow[] = [];
  const take = (): void => {
    for (let row = reader.next(); row; row = reader.next()) rows.push(row);
  };
  for (let at = 0; at < text.length; at += part) {
    reader.add(text.slice(at, at + part));
    take();
  }
  reader.end();
  take();
  return rows;
}

const simple = (text: string, options = {}) => rowsOf(text, options).map(({ line, fields }) => [line, ...fields]);
const problems = (text: string, options = {}) =>
  rowsOf(text, options).map(({ line, problem }) => [line, problem ?? 'fits']);

test('gives each row the line on which it begins, whatever its fields contain', () => {
  const text = 'a,b\n1,"x\ny"\n2,"he said ""no"""\n\n3,"a,b\r\n\r\nc"\n4,é😀\n,,\n5, "q"  \n';
  const wanted = [
    [1, 'a', 'b'],
    [2, '1', 'x\ny'],
    [4, '2', 'he said "no"'],
    [6, '3', 'a,b\r\n\r\nc'],
    [9, '4', 'é😀'],
    [11, '5', 'q'],
  ];
  for (const part of [text.length, 1, 2, 3, 7]) assert.deepEqual(simple(text, { part }), wanted, String(part));
});

test('accepts every kind of line end, even mixed', () => {
  const wanted = [
    [1, 'a', 'b'],
    [2, '1', '2'],
    [3, '3', '4'],
    [4, '5', '6'],
  ];
  const texts = {
    LF: 'a,b\n1,2\n3,4\n5,6\n',
    CRLF: 'a,b\r\n1,2\r\n3,4\r\n5,6\r\n',
    'no last line end': 'a,b\n1,2\n3,4\n5,6',
    'CRLF header, LF rows': 'a,b\r\n1,2\n3,4\n5,6\n',
    'LF header, CRLF rows': 'a,b\n1,2\r\n3,4\r\n5,6\r\n',
    'quoted before CRLF': 'a,"b"\r\n1,"2"\r\n3,"4"\r\n5,"6"\r\n',
    'quoted at the end': 'a,b\n1,2\n3,4\n5,"6"',
  };
  for (const [name, text] of Object.entries(texts)) {
    for (const part of [text.length, 1]) assert.deepEqual(simple(text, { part }), wanted, name);
  }
});

test('reads quotes inside quoted fields that are doubled, escaped by a backslash, or unescaped where the row fits', () => {
  const header = 'a,b,c\n';
  const value = (row: string): unknown => {
    const [, read] = rowsOf(header + row);
    return read?.problem ?? read?.fields[1];
  };
  assert.equal(value('1,"say ""no"", twice",3'), 'say "no", twice');
  assert.equal(value(String.raw`1,"say \"no\", twice",3`), 'say "no", twice');
  assert.equal(value(`${String.raw`1,"ends \"",3`}\n4,"five",6`), 'ends "');
  assert.equal(value(String.raw`1,"C:\",3`), 'C:\\');
  assert.equal(value(String.raw`1,"a \"b\" \\ c",3`), 'a "b" \\ c');
  assert.equal(value('1,"The "Best" Film",3'), 'The "Best" Film');
  assert.equal(value('1,Twelve "Angry" Men,3'), 'Twelve "Angry" Men');
  assert.equal(value('1,"",3'), '');
});

test('refuses only the line of an unclosed quote', () => {
  const unclosed = /an unclosed quote/;
  for (const bad of ['2,"open,x', '2,"open,"x",y', '2,x,"open', '2,"open,x\r']) {
    const text = `a,b,c\n1,"x",y\n${bad}\n3,"x",y\n4,"two\nlines",y\n5,x,y\n`;
    for (const part of [text.length, 5]) {
      const rows = problems(text, { part });
      assert.deepEqual([rows.length, rows[2]?.[0]], [6, 3], bad);
      assert.match(String(rows[2]?.[1]), unclosed, bad);
      assert.deepEqual(
        rows.filter(([, problem]) => problem === 'fits').map(([line]) => line),
        [1, 2, 4, 5, 7],
        bad,
      );
    }
  }
  const last = problems('a,b\n1,2\n3,"4\n5,6\n');
  assert.match(String(last[2]?.[1]), unclosed);
  assert.deepEqual(last[3], [4, 'fits']);
  // No later quote closes it.
  const far = problems(`a,b\n1,"never closed\n${'x,y\n'.repeat(400_000)}`, { part: 65_536 });
  assert.equal(far.length, 400_002);
  assert.equal(far.filter(([, problem]) => problem !== 'fits').length, 1);
});

test('reads each part of a text a few times at most, however many quotes are unclosed', () => {
  const count = 30_000;
  // If each row were parsed to the end of the text, this would take minutes.
  for (const bad of ['"open,y', '"stray" and,y', '"open,""', '\\"open,"y']) {
    const rows = problems(`a,b,c\n${`1,${bad}\n`.repeat(count)}2,"x",y\n`, { part: 65_536 });
    assert.equal(rows.length, count + 2, bad);
    assert.deepEqual(
      rows.filter(([, problem]) => problem === 'fits').map(([line]) => line),
      [1, count + 2],
      bad,
    );
  }
});

test('refuses a row with another number of fields than the header, apart from blank ones at its end', () => {
  assert.deepEqual(problems('a,b\n1,2\n1,2,,\n1,2,\n'), [
    [1, 'fits'],
    [2, 'fits'],
    [3, 'fits'],
    [4, 'fits'],
  ]);
  assert.deepEqual(problems('a,b,\n1,2\n1,2,\n')[1], [2, 'fits']);
  assert.match(String(problems('a,b,\n1,2,3\n')[1]?.[1]), /has 3 fields but the header has 2/);
  assert.match(String(problems('a,b\n1\n')[1]?.[1]), /has 1 fields but the header has 2/);
  assert.deepEqual(problems(',a\n0,1\n')[1], [2, 'fits'], 'an index column has no name');
  const whole = rowsOf('a,b\n1,2,"of\ntwo lines"\n3,4\n');
  assert.equal(whole.length, 3, 'a row of several lines that does not fit is one');
});

test('counts lines across the chunks of a large file', () => {
  const lines = Array.from({ length: 30_000 }, (_, i) =>
    i % 7 === 0 ? `${i},"one\ntwo ${'é'.repeat(20)}"` : `${i},plain text`,
  );
  const rows = rowsOf(`id,text\n${lines.join('\n')}\n`, { part: 65_536 });
  assert.equal(rows.length, 30_001);
  let line = 2;
  for (const [index, row] of rows.slice(1).entries()) {
    assert.deepEqual([row.fields[0], row.line, row.problem], [String(index), line, undefined]);
    line += index % 7 === 0 ? 2 : 1;
  }
});

test('returns the same rows whatever the chunk size', () => {
  const text = 'a,b,c\n1,"x\\",y,w,\nz",2\n3,"never,4\n5,"z\n",6\n7,"8\n",9,10\n"11\n",12,13\n';
  const whole = problems(text);
  for (let part = 1; part < text.length; part++) assert.deepEqual(problems(text, { part }), whole, String(part));
});

test('refuses only an overlong line, without keeping it in memory', () => {
  const reader = new CsvReader({ delimiter: ',', quoted: true });
  reader.add('title,year\nAlien,1979\n');
  for (let n = 0; n < 2; n++) reader.next();
  const rows: unknown[] = [];
  const add = (text: string): void => {
    reader.add(text);
    for (let row = reader.next(); row; row = reader.next())
      rows.push([row.line, row.fields[0]?.slice(0, 4), row.problem]);
  };
  for (let n = 0; n < 40; n++) add('a'.repeat(65_536));
  add('a\nHeat,1995\n');
  assert.deepEqual(rows, [
    [3, 'aaaa', 'has a line of more than 1048576 characters'],
    [4, 'Heat', undefined],
  ]);

  const blank = problems(`a,b\n${' ,'.repeat(600_000)}x\n1,2\n`);
  assert.deepEqual(blank.slice(1), [
    [2, 'has a line of more than 1048576 characters'],
    [3, 'fits'],
  ]);

  const header = new CsvReader({ delimiter: ',', quoted: true });
  header.add('a'.repeat(1_100_000));
  assert.throws(() => header.next(), /line 1 is longer than 1048576 characters/);
});

test('reads quotes as ordinary characters when fields are unquoted', () => {
  assert.deepEqual(simple('a\tb\n"x\t"y" z\n', { delimiter: '\t', quoted: false }), [
    [1, 'a', 'b'],
    [2, '"x', '"y" z'],
  ]);
});

test('picks the delimiter that splits the header into most columns, unless a sep= line names one', () => {
  const form = (text: string) => {
    const { delimiter, skip, line } = findForm(text);
    return [delimiter, skip, line];
  };
  assert.deepEqual(form('a,b\n1;2;3,4'), [',', 0, 1]);
  assert.deepEqual(form('a;b;c, d\n'), [';', 0, 1]);
  assert.deepEqual(form('a\tb\n'), ['\t', 0, 1]);
  assert.deepEqual(form('a|b\n'), ['|', 0, 1]);
  assert.deepEqual(form('"a;b;c",d\n'), [',', 0, 1]);
  assert.deepEqual(form('title\nAlien\n'), [',', 0, 1]);
  assert.deepEqual(form('sep=;\r\na,b;c'), [';', 7, 2]);
  assert.deepEqual(form('"sep=\t"\na\tb'), ['\t', 8, 2]);
  assert.equal(findForm('a,b\r1,2\r').returnsOnly, true);
  assert.equal(findForm('a,b\r\n1,2\r\n').returnsOnly, false);
});
