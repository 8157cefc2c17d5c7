import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { temporaryFolder } from '../../tests/folder.ts';
import { createLogger } from '../process/log.ts';
import { removeOthers } from './view-file.ts';

test('removes the files of a view except those in use, and names one that cannot be removed', () => {
  using folder = temporaryFolder();
  const names = [
    'toy.v1.a.sqlite',
    'toy.v1.a.sqlite-wal',
    'toy.v2.b.sqlite',
    'toy.v2.b.sqlite-wal',
    'other.v1.a.sqlite',
  ];
  for (const name of names) writeFileSync(join(folder.path, name), '');
  const stuck = join(folder.path, 'toy.v1.stuck.sqlite');
  mkdirSync(stuck);
  const lines: string[] = [];
  const log = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  removeOthers(folder.path, 'toy', [join(folder.path, 'toy.v2.b.sqlite')], log);
  const left = ['other.v1.a.sqlite', 'toy.v1.stuck.sqlite', 'toy.v2.b.sqlite', 'toy.v2.b.sqlite-wal'];
  assert.deepEqual(readdirSync(folder.path).sort(), left);
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { file: string }).file),
    [stuck],
  );
});
