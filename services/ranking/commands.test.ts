import assert from 'node:assert/strict';
import { test } from 'vitest';
import { voterOf } from './commands.ts';
import { isAnonymous } from './contract.ts';

test('votes as the viewer, else as the Idempotency-Key, else as a new voter each time', () => {
  assert.equal(voterOf('ann', 'key'), 'ann');
  assert.equal(voterOf(undefined, 'key'), voterOf(undefined, 'key'));
  assert.notEqual(voterOf(undefined, 'key'), voterOf(undefined, 'other'));
  assert.notEqual(voterOf(undefined, undefined), voterOf(undefined, undefined));
  for (const key of [undefined, 'key', 'ü'.repeat(200)]) assert.match(voterOf(undefined, key), /^[\w-]{1,64}$/);
  const anonymous = [voterOf('ann', 'key'), voterOf(undefined, 'key'), voterOf(undefined, undefined)].map(isAnonymous);
  assert.deepEqual(anonymous, [false, true, true]);
});
