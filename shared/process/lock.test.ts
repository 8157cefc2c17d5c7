import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/harness.ts';
import { lockFile, takeReplicaFolder } from './lock.ts';

test('gives each replica its own folder, and a released folder to the next replica', () => {
  using folder = temporaryFolder();
  const first = takeReplicaFolder(folder.path);
  using second = takeReplicaFolder(folder.path);
  assert.equal(first.path, join(folder.path, 'replica-1'));
  assert.equal(second.path, join(folder.path, 'replica-2'));
  first[Symbol.dispose]();
  using third = takeReplicaFolder(folder.path);
  assert.equal(third.path, join(folder.path, 'replica-1'));
});

test('skips a folder that cannot be used, and reports the reason when none can', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'replica-1');
  writeFileSync(file, 'not a folder');
  using taken = takeReplicaFolder(folder.path);
  assert.equal(taken.path, join(folder.path, 'replica-2'));
  assert.throws(() => takeReplicaFolder(file), /replica-1\/lock cannot be locked: ENOTDIR/);
});

test('reports a lock that is held with the given message, and any other failure with the file', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'a', 'lock');
  using _held = lockFile(file, 'taken');
  assert.throws(() => lockFile(file, 'taken'), { message: 'taken' });
  const damaged = join(folder.path, 'b');
  writeFileSync(damaged, 'not a database, but longer than a database header: '.repeat(20));
  assert.throws(() => lockFile(damaged, 'taken'), /\/b cannot be locked: file is not a database\. Make/);
});
