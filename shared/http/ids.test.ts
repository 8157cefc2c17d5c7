import assert from 'node:assert/strict';
import type { Hono } from 'hono';
import { test } from 'vitest';
import { z } from 'zod';
import { JsonResponse, type Runnable } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { createIdentity } from '../operations/identity.ts';
import { operation } from '../operations/operation.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { currentOrigin, Origin } from '../process/trace-context.ts';
import { createApp } from './app.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

const look = operation({
  subject: 'test.look',
  method: 'GET',
  path: '/things/:id',
  access: 'public',
  summary: 'Looks',
  input: z.object({ id: z.string() }),
  output: z.object({}),
  example: { id: '1' },
});

type Line = Record<string, unknown>;

/** Creates a logger that collects its lines in memory. */
function memoryLogger(level: string) {
  const lines: Line[] = [];
  const log = createLogger('test', level, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  return { log, lines };
}

function appWith(run: Runnable['run'], level = 'info'): { app: Hono; lines: Line[] } {
  const { log, lines } = memoryLogger(level);
  const app = createApp({
    routes: [{ operation: look, run }],
    identity: createIdentity(readConfig({}), log),
    requestTimeoutMs: 1000,
    log,
  });
  return { app, lines };
}

const succeed: Runnable['run'] = () => new JsonResponse('{}');

test('a successful response has the request id only when the client sent a valid one', async () => {
  const { app, lines } = appWith(succeed);
  const given = await app.request('/things/1', { headers: { 'x-request-id': 'r-1' } });
  assert.equal(given.headers.get('x-request-id'), 'r-1');
  assert.equal(given.headers.get('content-type'), 'application/json');
  const none = await app.request('/things/1', { headers: { 'x-request-id': 'not an id' } });
  assert.equal(none.headers.get('x-request-id'), null);
  assert.deepEqual(lines, []);
});

test('a problem has the trace id as request id when the client sent none', async () => {
  const { app, lines } = appWith(() => {
    throw new AppError('not_found', 'There is no such thing.');
  });
  const response = await app.request('/things/1', { headers: { traceparent } });
  assert.equal(response.status, 404);
  assert.equal(response.headers.get('x-request-id'), traceId);
  assert.deepEqual(lines, [], 'client errors are not logged');
});

test('a defect is logged as one line with service, operation, trace and request id', async () => {
  for (const failing of [() => Promise.reject(new Error('broken')), throwBroken]) {
    const { app, lines } = appWith(failing);
    const response = await app.request('/things/1', { headers: { traceparent, 'x-request-id': 'r-2' } });
    assert.equal(response.status, 500);
    assert.equal(response.headers.get('x-request-id'), 'r-2');
    assert.equal(lines.length, 1);
    const { level, service, operation, traceId: trace, requestId, err } = lines[0] as Line;
    assert.deepEqual(
      { level, service, operation, trace, requestId },
      {
        level: 'error',
        service: 'test',
        operation: 'test.look',
        trace: traceId,
        requestId: 'r-2',
      },
    );
    assert.equal((err as Error).message, 'broken');
  }
});

test('each request is logged at level debug', async () => {
  const { app, lines } = appWith(succeed, 'debug');
  await app.request('/things/1', { headers: { traceparent } });
  const [{ operation, status, durationMs, traceId: trace } = {}] = lines;
  assert.deepEqual({ operation, status, trace }, { operation: 'test.look', status: 200, trace: traceId });
  assert.equal(typeof durationMs, 'number');
});

test('log lines written while an origin is current have its trace and request id', () => {
  const { log, lines } = memoryLogger('info');
  currentOrigin.run(new Origin({ traceparent, requestId: 'r-3' }), () => log.info('inside'));
  log.info('outside');
  assert.deepEqual(
    lines.map(({ traceId: trace, requestId }) => [trace, requestId]),
    [
      [traceId, 'r-3'],
      [undefined, undefined],
    ],
  );
});

function throwBroken(): never {
  throw new Error('broken');
}
