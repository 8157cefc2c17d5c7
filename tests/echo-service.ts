/** A service with handlers supplied by the test, for tests of callers and responders. */
import { z } from 'zod';
import { Connection } from '../shared/broker/connection.ts';
import { endpointsOf, type Handler } from '../shared/operations/endpoint.ts';
import { createIdentity } from '../shared/operations/identity.ts';
import { operation } from '../shared/operations/operation.ts';
import { createLogger } from '../shared/process/log.ts';
import { type ResponderOptions, startResponder } from '../shared/rpc/responder.ts';
import type { System } from './harness.ts';

export const command = operation({
  subject: 'echo.say',
  method: 'POST',
  path: '/',
  access: 'public',
  summary: '',
  input: z.object({ key: z.string().min(1).optional() }),
  headers: { 'idempotency-key': 'key' },
  output: z.object({ said: z.boolean() }),
  example: {},
});
export const query = operation({
  ...command,
  headers: {},
  subject: 'echo.hear',
  method: 'GET',
  kind: 'query',
  input: z.object({ n: z.int() }),
  output: z.object({ n: z.int() }),
  example: { n: 1 },
});
export const timeoutMs = 20_000;

/** Starts the service `echo` on a connection of its own, as if it were in another process. */
export async function startEcho(
  system: System,
  handler: Handler<typeof command>,
  hear: Handler<typeof query> = ({ n }) => ({ n }),
  options: Partial<ResponderOptions> = {},
) {
  const config = system.config();
  const log = createLogger('echo', 'silent');
  const connection = new Connection(config, 'echo', log);
  const { nc } = await connection.first;
  const responder = await startResponder({
    nc,
    name: 'echo',
    description: '',
    endpoints: endpointsOf({ say: command, hear: query }, { say: handler, hear }, { handleError: () => false }),
    identity: createIdentity(config, log),
    log,
    requestTimeoutMs: timeoutMs,
    maxInFlight: 10,
    telemetry: connection.telemetry,
    ...options,
  });
  // Wait until the broker has processed the subscriptions.
  await Promise.all([nc.flush(), system.connection.first]);
  return { nc, connection, responder };
}
