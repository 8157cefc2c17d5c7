import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../tests/folder.ts';
import { openDatabase } from './database.ts';
import { FileMark } from './file-mark.ts';

test('the log goes to the file sooner where somebody reads: a checkpoint then holds up less', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'view.sqlite');
  const db = openDatabase(file);
  const mark = new FileMark(file);
  mark.begin(db);
  const pages = 6000;
  db.exec('CREATE TABLE notes (text TEXT NOT NULL)');
  const insert = db.prepare('INSERT INTO notes VALUES (?)');
  db.transaction(() => {
    for (let i = 0; i < pages; i++) insert.run('x'.repeat(4000));
  })();
  const inFile = (): number => statSync(file).size / 4096;
  mark.applied(db, pages, false);
  assert.ok(inFile() < 100, `${inFile()} pages are in the file of a view that nobody reads`);
  mark.applied(db, pages, true);
  assert.ok(inFile() >= pages, `${inFile()} pages are in the file of a view that is read`);
  assert.equal(mark.touched(), false, 'its own checkpoint is no change by others');
  db.close();
});
