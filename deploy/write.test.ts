/** Checks that the files written by `npm run deploy:write` match the services. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { test } from 'vitest';
import { deploymentFiles } from './write.ts';

const files = await deploymentFiles();

for (const [file, text] of Object.entries(files)) {
  test(`${relative(process.cwd(), file)} is up to date`, () => {
    assert.equal(readFileSync(file, 'utf8'), text, 'run: npm run deploy:write');
  });
}
