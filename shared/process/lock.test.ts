import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/harness.ts';
import { takeReplicaFolder } from './lock.ts';

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
