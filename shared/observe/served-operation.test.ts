/** Limits, metrics and spans of a request, however it ends. */
import assert from 'node:assert/strict';
import type { SpanOptions, Tracer } from '@opentelemetry/api';
import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api';
import { test } from 'vitest';
import { z } from 'zod';
import { respond } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { createIdentity } from '../operations/identity.ts';
import { operation } from '../operations/operation.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { concurrencyLimit, RequestScope, servedOperation } from './served-operation.ts';
import { Telemetry } from './telemetry.ts';

const make = operation({
  subject: 'test.make',
  method: 'POST',
  path: '/things',
  access: 'public',
  summary: 'Makes',
  input: z.object({}),
  output: z.object({}),
  example: {},
});
const log = createLogger('test', 'silent');
const identity = createIdentity(readConfig({}), log);

async function active(telemetry: Telemetry): Promise<string | undefined> {
  return /^rpc_server_active_requests{.*} (.*)$/m.exec(await telemetry.metrics.text())?.[1];
}

test('releases the limit and the active gauge when a response cannot be sent', async () => {
  await using telemetry = new Telemetry('test');
  const requests = telemetry.rpc(make);
  const fail = (): never => {
    throw new Error('the connection is closed');
  };
  const exchange = { input: () => ({}), respond: fail, refuse: fail };
  const conflict = new AppError('conflict', 'It exists.');
  for (const run of [() => respond({}), () => Promise.resolve(respond({})), () => Promise.reject(conflict)]) {
    const limit = concurrencyLimit(1);
    const served = servedOperation({ operation: make, run }, { identity, log, requests, limit });
    await assert.rejects(async () => served.serve(new RequestScope(requests, 1000, {}), exchange), /is closed/);
    limit.acquire();
    assert.throws(() => limit.acquire(), { code: 'unavailable' }, 'the limit is still 1');
    assert.equal(await active(telemetry), '0');
  }
});

test('keeps counting active requests when the operation is served again', async () => {
  await using telemetry = new Telemetry('test');
  const requests = telemetry.rpc(make);
  assert.equal(await active(telemetry), '0');
  const scope = new RequestScope(requests, 1000, {});
  telemetry.rpc(make);
  assert.equal(await active(telemetry), '1');
  scope.ended(200);
  assert.equal(await active(telemetry), '0');
});

test('does not copy other metadata of a request to its span', async () => {
  await using telemetry = new Telemetry('test');
  const begun: SpanOptions[] = [];
  const startSpan = (_: string, options: SpanOptions) => {
    begun.push(options);
    return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
  };
  const requests = { ...telemetry.rpc(make), tracer: { startSpan } as unknown as Tracer };
  for (const linkedTo of [1, ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01']]) {
    new RequestScope(requests, 1000, { linkedTo } as object);
  }
  assert.deepEqual(
    begun.map(({ links }) => links),
    [[], []],
  );
});
