/** Checks that the migrations of each service create the tables of its schema.ts. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateSQLiteDrizzleJson, generateSQLiteMigration } from 'drizzle-kit/api';
import { test } from 'vitest';

const folder = import.meta.dirname;

for (const file of globSync('*/schema.ts', { cwd: folder })) {
  const service = dirname(file);
  test(`the migrations of ${service} create the tables of its schema.ts`, async () => {
    const snapshots = globSync(`${service}/migrations/meta/*_snapshot.json`, { cwd: folder }).sort();
    const last = JSON.parse(readFileSync(join(folder, snapshots.at(-1) ?? ''), 'utf8'));
    const schema = await generateSQLiteDrizzleJson(await import(join(folder, file)), last.id);
    // For a column that may have been renamed, drizzle asks for the old name, which fails here.
    const missing = await generateSQLiteMigration(last, schema).catch((error: unknown) => [String(error)]);
    assert.deepEqual(missing, [], `run: npm run migrations -- ${service} --name WHAT`);
  });
}
