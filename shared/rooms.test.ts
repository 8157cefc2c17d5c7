/** Which room may import from which: arrows run down only, and services know of each other what their contracts say. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'vitest';

const ground = ['operations', 'process'];
const below: Record<string, string[]> = {
  process: [],
  operations: ['process'],
  observe: ground,
  docs: ground,
  broker: ['observe', ...ground],
  http: ['observe', ...ground],
  views: ['broker', 'observe', ...ground],
  rpc: ['broker', 'observe', ...ground],
};
const root = resolve(import.meta.dirname, '..');
const imports = /(?:\bfrom|\bimport\(|^import) '(\.[^']+)'/gm;

/** The rule that an import from `file` of `target` breaks; both are paths from the root. */
function broken(file: string, target: string): string | undefined {
  const [area, room = '', name] = file.split('/');
  const [targetArea = '', targetRoom = '', targetName] = target.split('/');
  if (area === 'shared') {
    if (targetArea !== 'shared') return `shared/ stands on nothing else, so not on ${targetArea}/`;
    const allowed = name === undefined ? undefined : [room, ...(below[room] ?? [])];
    if (!allowed || allowed.includes(targetRoom)) return undefined;
    return `${room}/ may import from ${allowed.join(', ')} only, not from ${targetName ? `${targetRoom}/` : 'the entrance'}`;
  }
  // What is beside the folders puts all services together.
  if (targetArea !== 'services' || name === undefined || targetName === undefined || targetRoom === room)
    return undefined;
  if (targetName === 'contract.ts') return undefined;
  // The gateway serves the pages.
  if (room === 'gateway' && `${targetRoom}/${targetName}` === 'web/pages.ts') return undefined;
  if (targetRoom === 'tickets' && ['support', 'technical-support'].includes(room)) return undefined;
  return `${room} may import only contract.ts of ${targetRoom}`;
}

test('imports run down only, and services import of others only their contracts', () => {
  const files = globSync('{shared,services}/**/*.{ts,tsx}', { cwd: root, exclude: ['**/*.test.ts', '**/testing.ts'] });
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...text.matchAll(imports)].flatMap(({ 1: path = '', index }) => {
      const rule = broken(file, join(dirname(file), path));
      return rule ? [`${file}:${text.slice(0, index).split('\n').length} imports ${path}: ${rule}`] : [];
    });
  });
  assert.ok(files.length > 100, 'the sources are found');
  assert.deepEqual(found, []);
});
