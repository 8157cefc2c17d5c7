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

test('answers unavailable when the view is broken, with an unknown outcome for a command', async () => {
  const broken = new Error('database disk image is malformed');
  const fail = () => {
    throw broken;
  };
  const handlers = { look: fail, make: () => Promise.reject(broken) };
  const [query, command] = endpointsOf({ look, make }, handlers, { handleError: (error) => error === broken });
  const code = 'unavailable';
  assert.throws(() => query?.run({}, call), { code, outcome: undefined, retryAfter: 1 });
  await assert.rejects(async () => command?.run({}, call), { code, outcome: 'unknown' });
});

test('rethrows refusals, and errors that are not failures of the view', () => {
  for (const error of [new Error('a defect'), new AppError('conflict', 'too late')]) {
    const fail = () => {
      throw error;
    };
    const [query] = endpointsOf({ look }, { look: fail }, { handleError: () => error instanceof AppError });
    assert.throws(() => query?.run({}, call), error);
  }
});

test('returns synchronously when the handler does, so that it is never in flight', () => {
  const [query] = endpointsOf({ look }, { look: () => ({}) }, { handleError: () => false });
  assert.deepEqual(query?.run({}, call), respond({}));
});
