/** The input of single requests over NATS. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { command, startEcho, timeoutMs } from '../../tests/echo-service.ts';
import { startSystem } from '../../tests/harness.ts';
import { toHeaders } from '../broker/event-codec.ts';

test('input is decoded as over HTTP: invalid UTF-8 is refused', async () => {
  await using system = await startSystem({ streams: false });
  const { connection, responder } = await startEcho(system, () => ({ said: true }));
  await using _connection = connection;
  await using _responder = responder;
  for (const [input, code] of [
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'invalid'],
    [' ', undefined],
  ] as const) {
    const reply = await system.link.nc.request(command.subject, input, { timeout: timeoutMs });
    assert.equal(reply.json<{ code?: string }>().code, code);
  }
});

test('headers fill the same input fields as over HTTP, and are refused for the same reasons', async () => {
  await using system = await startSystem({ streams: false });
  const keys: unknown[] = [];
  const { connection, responder } = await startEcho(system, ({ key }) => {
    keys.push(key);
    return { said: true };
  });
  await using _connection = connection;
  await using _responder = responder;
  const { nc } = system.link;
  for (const [headers, input, refused] of [
    [{ 'Idempotency-Key': 'a' }, {}],
    [{ 'idempotency-key': 'b' }, { key: 'b' }],
    [{}, { key: 'c' }],
    [{ 'Idempotency-Key': '' }, {}, 'key must not be empty'],
    [{ 'Idempotency-Key': 'd' }, { key: 'e' }, 'key differs from the value in the header'],
    [{ authorization: 'Bearer a.b.c' }, {}, 'The token cannot be checked'],
  ] as [Record<string, string>, object, string?][]) {
    const options = { headers: toHeaders(headers), timeout: timeoutMs };
    const reply = await nc.request(command.subject, JSON.stringify(input), options);
    const error = reply.headers?.get('Nats-Service-Error') ?? '';
    assert.ok(refused ? error.startsWith(refused) : error === '', `${JSON.stringify([headers, input])}: ${error}`);
  }
  assert.deepEqual(keys, ['a', 'b', 'c']);
});

test('an operation with an HTTP route has the same input limit over NATS', async () => {
  await using system = await startSystem({ streams: false });
  const { connection, responder } = await startEcho(system, () => ({ said: true }));
  await using _connection = connection;
  await using _responder = responder;
  const { nc } = await system.connection.first;
  const reply = await nc.request(command.subject, JSON.stringify({ text: 'x'.repeat(300_000) }), {
    timeout: timeoutMs,
  });
  assert.equal(reply.headers?.get('Nats-Service-Error-Code'), '413');
  assert.match(reply.headers?.get('Nats-Service-Error') ?? '', /262144 bytes/);
});
