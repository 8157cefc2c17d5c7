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
  if (area !== 'shared' && area !== 'services') return undefined;
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

interface Import {
  file: string;
  target: string;
  place: string;
}

const sources = globSync('{deploy,seed,services,shared,streams}/**/*.{ts,tsx}', {
  cwd: root,
  exclude: ['**/*.test.ts', '**/testing.ts', '**/new-service/**'],
});
const allImports = sources.flatMap((file): Import[] => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(imports)].map(({ 1: path = '', index }) => {
    const place = `${file}:${text.slice(0, index).split('\n').length} imports ${path}`;
    return { file, target: join(dirname(file), path), place };
  });
});

/** Files that import each other in a circle, one after the other; undefined where none do. */
function circleIn(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const circle = visit(target, [...path, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = visit(file, []);
    if (circle) return circle;
  }
  return undefined;
}

test('imports run down only, and services import of others only their contracts', () => {
  const found = allImports.flatMap(({ file, target, place }) => {
    const rule = broken(file, target);
    return rule ? [`${place}: ${rule}`] : [];
  });
  assert.ok(sources.length > 100, 'the sources are found');
  assert.deepEqual(found, []);
});

test('no files import each other in a circle', () => {
  const graph = new Map<string, string[]>();
  for (const { file, target } of allImports) graph.set(file, [...(graph.get(file) ?? []), target]);
  assert.deepEqual(circleIn(graph), undefined);
  assert.deepEqual(
    circleIn(
      new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    ),
    ['a', 'b', 'a'],
    'one is found where there is one',
  );
});
