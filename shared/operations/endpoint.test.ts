import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { Origin } from '../process/trace-context.ts';
import { endpointsOf, respond } from './endpoint.ts';
import { AppError } from './errors.ts';
import { operation } from './operation.ts';

const shared = { access: 'public', summary: 'Looks', input: z.object({}), output: z.object({}), example: {} } as const;
const look = operation({ ...shared, subject: 'test.look', method: 'GET', path: '/things' });
const make = operation({ ...shared, subject: 'test.make', method: 'POST', path: '/things' });
const call = Object.assign(new Origin({}), {
  caller: { userId: undefined, roles: [], open: true },
  deadline: Date.now() + 1000,
  position: undefined,
});

test('a broken view is unavailable, and no defect; a command may have been stored by then', async () => {
  const broken = new Error('database disk image is malformed');
  const fail = () => {
    throw broken;
  };
  const handlers = { look: fail, make: () => Promise.reject(broken) };
  const [query, command] = endpointsOf({ look, make }, handlers, { lostView: (error) => error === broken });
  const code = 'unavailable';
  assert.throws(() => query?.run({}, call), { code, outcome: undefined, retryAfter: 1 });
  await assert.rejects(async () => command?.run({}, call), { code, outcome: 'unknown' });
});

test('what the view is not to blame for stays as it is', () => {
  for (const error of [new Error('a defect'), new AppError('conflict', 'too late')]) {
    const fail = () => {
      throw error;
    };
    const [query] = endpointsOf({ look }, { look: fail }, { lostView: () => error instanceof AppError });
    assert.throws(() => query?.run({}, call), error);
  }
});

test('what waits for nothing is answered at once: it takes no place in the limit from what shares its turn', () => {
  const [query] = endpointsOf({ look }, { look: () => ({}) }, { lostView: () => false });
  assert.deepEqual(query?.run({}, call), respond({}));
});
