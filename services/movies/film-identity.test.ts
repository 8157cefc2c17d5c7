import assert from 'node:assert/strict';
import { test } from 'vitest';
import { words } from './film-identity.ts';

test('words consist of letters and digits only', () => {
  assert.deepEqual(words("What's up, Doc?"), ['what', 's', 'up', 'doc']);
  assert.deepEqual(words('  "AND" (NOT) a*b -- 😀\u0000x '), ['and', 'not', 'a', 'b', 'x']);
  assert.deepEqual(words('…'), []);
});
