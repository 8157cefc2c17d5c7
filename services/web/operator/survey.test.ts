import assert from 'node:assert/strict';
import { TimeoutError } from '@nats-io/nats-core';
import { test } from 'vitest';
import type { Link } from '../../../shared/broker/connection.ts';
import { streamStates } from './survey.ts';

test('leaves out only streams that do not exist, not those that the broker did not answer about', async () => {
  const missing = { error: { code: 404, err_code: 10059, description: 'stream not found' } };
  const request = async (subject: string) => {
    if (subject.endsWith('.CATALOGUE')) throw new TimeoutError();
    return { data: new TextEncoder().encode(JSON.stringify(missing)) };
  };
  const states = await streamStates({ nc: { options: {}, request } } as unknown as Link);
  assert.deepEqual(
    states.map(({ name, state }) => [name, state]),
    [['CATALOGUE', undefined]],
  );
});
