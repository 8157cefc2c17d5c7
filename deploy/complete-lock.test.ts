import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { complete, platformOf } from './complete-lock.ts';

test('the platform is read from the name of a package', () => {
  assert.deepEqual(platformOf('@biomejs/cli-linux-x64-musl'), { os: ['linux'], cpu: ['x64'], libc: ['musl'] });
  assert.deepEqual(platformOf('@deno/darwin-arm64'), { os: ['darwin'], cpu: ['arm64'] });
  assert.equal(platformOf('fsevents'), undefined);
});

test('what is missing is added, and what is there is left alone', () => {
  const lock = {
    packages: {
      'node_modules/tool': {
        dev: true,
        optionalDependencies: { '@tool/linux-x64': '1.0.0', '@tool/win32-x64': '1.0.0' },
      },
      'node_modules/@tool/linux-x64': { version: '1.0.0' },
    } as Parameters<typeof complete>[0]['packages'],
  };
  assert.deepEqual(complete(lock), ['@tool/win32-x64']);
  assert.deepEqual(lock.packages['node_modules/@tool/win32-x64'], {
    version: '1.0.0',
    os: ['win32'],
    cpu: ['x64'],
    dev: true,
    optional: true,
  });
  assert.deepEqual(complete(lock), []);
});

test("this project's lock has the packages of every platform (npm run lock)", () => {
  assert.deepEqual(complete(JSON.parse(readFileSync('package-lock.json', 'utf8'))), []);
});
