import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from './database.ts';
import { Pages } from './pages.ts';

function newDatabase(t: { after(work: () => void): void }) {
  const db = openDatabase(':memory:');
  t.after(() => db.close());
  db.exec('CREATE TABLE numbers (n INTEGER PRIMARY KEY)');
  return db;
}

test('a page is made once until a row has changed', (t) => {
  const db = newDatabase(t);
  const pages = new Pages(db);
  const count = db.prepare<[], number>('SELECT count(*) FROM numbers').pluck();
  let made = 0;
  const get = (key: string): string => pages.get(key, () => `${key} ${++made} ${count.get()}`);
  assert.equal(get('a'), 'a 1 0');
  assert.equal(get('a'), 'a 1 0');
  assert.equal(get('b'), 'b 2 0');
  db.exec('INSERT INTO numbers VALUES (1), (2)');
  assert.equal(get('a'), 'a 3 2');
  db.exec('UPDATE numbers SET n = 3 WHERE n = 2');
  assert.equal(get('a'), 'a 4 2');
  db.exec('DELETE FROM numbers');
  assert.equal(get('a'), 'a 5 0');
  assert.equal(get('a'), 'a 5 0');
});

test('a page that cannot be made is not kept', (t) => {
  const pages = new Pages(newDatabase(t));
  assert.throws(() => pages.get('a', () => JSON.parse('{')), SyntaxError);
  assert.equal(
    pages.get('a', () => 'made'),
    'made',
  );
});

test('pages do not grow without bound', (t) => {
  const pages = new Pages(newDatabase(t));
  const large = 'x'.repeat(1_500_000);
  let made = 0;
  const make = (): string => {
    made++;
    return large;
  };
  for (const key of ['a', 'b', 'c']) pages.get(key, make);
  pages.get('a', make);
  assert.equal(made, 4, 'the third page did not fit beside the first two');
});
