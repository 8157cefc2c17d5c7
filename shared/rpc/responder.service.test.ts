/** How requests over NATS are answered: in time for whoever asked, and before the connection goes. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { type System, startSystem } from '../../tests/harness.ts';
import { Connection } from '../broker/connection.ts';
import { createIdentity } from '../operations/access.ts';
import { Endpoint, type Handler } from '../operations/endpoint.ts';
import { operation } from '../operations/operation.ts';
import { createLogger } from '../process/log.ts';
import { startResponder } from './responder.ts';

const command = operation({
  subject: 'echo.say',
  method: 'POST',
  path: '/',
  access: 'public',
  summary: '',
  input: z.object({}),
  output: z.object({ said: z.boolean() }),
  example: {},
});
const timeoutMs = 4000;

/** The service `echo`, on a connection of its own as in a process of its own. */
async function startEcho(system: System, handler: Handler<typeof command>) {
  const config = system.config();
  const log = createLogger('echo', 'silent');
  const connection = new Connection(config, 'echo', log);
  const { nc } = await connection.first;
  const responder = await startResponder({
    nc,
    name: 'echo',
    version: '1.0.0',
    description: '',
    endpoints: [new Endpoint(command, handler, () => false)],
    identity: createIdentity(config.access),
    log,
    defaultTimeoutMs: timeoutMs,
    maxInFlight: 10,
    telemetry: connection.telemetry,
  });
  // Whoever asks from now on is heard.
  await Promise.all([nc.flush(), system.connection.first]);
  return { nc, connection, responder };
}

test('what was answered last has gone out when a responder has stopped', async () => {
  await using system = await startSystem({ streams: false });
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const { nc, connection, responder } = await startEcho(system, async () => {
    asked.resolve();
    await go.promise;
    return { said: true };
  });
  await using _connection = connection;
  const answer = system.caller.ask(command, {}, { timeoutMs: 10_000 });
  await asked.promise;
  const stopped = responder[Symbol.asyncDispose]();
  // Behind this it takes no more requests, and waits for the last one only.
  await nc.flush();
  go.resolve();
  await stopped;
  assert.equal(nc.stats().outMsgs, 1, 'the connection may be closed now');
  assert.deepEqual(await answer, { said: true });
});

test('an operation ends before its caller gives up', async () => {
  await using system = await startSystem({ streams: false });
  const left: number[] = [];
  const { connection, responder } = await startEcho(system, (_, { deadline }) => {
    left.push(deadline - Date.now());
    return { said: true };
  });
  await using _connection = connection;
  await using _responder = responder;
  await system.caller.ask(command, {}, { timeoutMs });
  await system.link.nc.request(command.subject, '{}', { timeout: timeoutMs });
  assert.deepEqual(
    left.filter((ms) => ms <= timeoutMs - 100),
    left,
    'a tenth of a second stays for the way back, of packed requests and of single ones',
  );
});
