/** Import rules: imports run one way only, and a service imports only the contracts of other services. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'vitest';

const base = ['operations', 'process'];
const below: Record<string, string[]> = {
  process: [],
  operations: ['process'],
  observe: base,
  docs: base,
  broker: ['observe', ...base],
  http: ['observe', ...base],
  views: ['broker', 'observe', ...base],
  rpc: ['broker', 'observe', ...base],
};
const root = resolve(import.meta.dirname, '..');
const imports = /(?:\bfrom|\bimport\(|^import) '(\.[^']+)'/gm;

/** Returns the rule that an import of `target` in `file` breaks, if any. Both are paths from the root. */
function brokenRule(file: string, target: string): string | undefined {
  const [area, room = '', name] = file.split('/');
  const [targetArea = '', targetRoom = '', targetName] = target.split('/');
  if (area !== 'shared' && area !== 'services') return undefined;
  if (area === 'shared') {
    if (targetArea !== 'shared') return `shared/ may import only from itself, not from ${targetArea}/`;
    const allowed = name === undefined ? undefined : [room, ...(below[room] ?? [])];
    if (!allowed || allowed.includes(targetRoom)) return undefined;
    return `${room}/ may import from ${allowed.join(', ')} only, not from ${targetName ? `${targetRoom}/` : 'the top of shared/'}`;
  }
  // Files directly in services/ may import all services.
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

/** Returns the files of an import cycle in order; undefined if there is none. */
function cycleIn(graph: Map<string, string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

test('imports run one way only, and services import only the contracts of others', () => {
  const found = allImports.flatMap(({ file, target, place }) => {
    const rule = brokenRule(file, target);
    return rule ? [`${place}: ${rule}`] : [];
  });
  assert.ok(sources.length > 100, 'the sources are found');
  assert.deepEqual(found, []);
});

test('there are no import cycles', () => {
  const graph = new Map<string, string[]>();
  for (const { file, target } of allImports) graph.set(file, [...(graph.get(file) ?? []), target]);
  assert.deepEqual(cycleIn(graph), undefined);
  assert.deepEqual(
    cycleIn(
      new Map([
        ['a', ['b']],
        ['b', ['a']],
      ]),
    ),
    ['a', 'b', 'a'],
    'finds a cycle',
  );
});
