import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/harness.ts';
import { lockFile, takeReplicaFolder } from './lock.ts';

test('each replica has a folder of its own, and the next one takes what was left', () => {
  using folder = temporaryFolder();
  const first = takeReplicaFolder(folder.path);
  using second = takeReplicaFolder(folder.path);
  assert.equal(first.path, join(folder.path, 'replica-1'));
  assert.equal(second.path, join(folder.path, 'replica-2'));
  first[Symbol.dispose]();
  using third = takeReplicaFolder(folder.path);
  assert.equal(third.path, join(folder.path, 'replica-1'));
});

test('a folder that cannot be used is passed over, and a volume that cannot is said to be so, and not to be full', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'replica-1');
  writeFileSync(file, 'no folder');
  using taken = takeReplicaFolder(folder.path);
  assert.equal(taken.path, join(folder.path, 'replica-2'));
  assert.throws(() => takeReplicaFolder(file), { code: 'ENOTDIR' });
});

test('a file that is held is said to be, and one that cannot be locked is not', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'a', 'lock');
  using _held = lockFile(file, 'it is taken');
  assert.throws(() => lockFile(file, 'it is taken'), { message: 'it is taken' });
  const damaged = join(folder.path, 'b');
  writeFileSync(damaged, 'no database, as long as the header of one would be, and then some: '.repeat(20));
  assert.throws(() => lockFile(damaged, 'it is taken'), { code: 'SQLITE_NOTADB' });
});
