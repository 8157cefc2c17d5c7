/** Which requests are refused before their body is read, and which count towards the concurrency limit. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { beginRequest } from '../../tests/http.ts';
import { until } from '../../tests/until.ts';
import { createToken } from '../operations/create-token.ts';
import { respond } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { userId } from '../operations/fields.ts';
import { createIdentity } from '../operations/identity.ts';
import { operation } from '../operations/operation.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { createApp } from './app.ts';
import { guard } from './browser-guard.ts';
import { type Server, serve } from './server.ts';

const log = createLogger('test', 'silent');

const write = operation({
  subject: 'test.write',
  method: 'POST',
  path: '/notes/:userId',
  access: 'self',
  summary: 'Writes a note',
  input: z.object({ userId, text: z.string() }),
  output: z.object({}),
  example: { userId: 'ann', text: 'x' },
});
const config = readConfig({ JWT_SECRET: 'a secret of at least thirty-two characters' });
const maxInFlight = 5;
let server: Server;
let token: string;
let url: string;

beforeAll(async () => {
  const app = createApp({
    routes: [
      {
        operation: write,
        async admit({ userId: who }) {
          if (who === 'limited') throw new AppError('rate_limited', 'Too many changes in a short time.');
        },
        run: (input) => respond(input),
      },
    ],
    identity: createIdentity(config, log),
    requestTimeoutMs: 1000,
    log,
    maxInFlight,
  });
  server = await serve(guard(app, { corsOrigins: [], allowedHosts: [], open: false }), '127.0.0.1', 0);
  url = `http://127.0.0.1:${server.port}/notes/ann`;
  token = await createToken(config, { userId: 'ann', roles: [], expiresIn: '1h' });
});
afterAll(() => server.close(0));

/** Sends a POST whose body never ends. */
const begin = (authorization: string) =>
  beginRequest(
    server.port,
    `POST /notes/ann HTTP/1.1\r\nHost: x\r\n${authorization}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
  );

async function post(authorization: string | undefined): Promise<number> {
  const headers = authorization === undefined ? {} : { authorization };
  return (await fetch(url, { method: 'POST', headers, body: '{"text":"x"}' })).status;
}

test('requests whose body is still arriving do not count towards the concurrency limit', async () => {
  const slow = Array.from({ length: maxInFlight * 10 }, () => begin(`Authorization: Bearer ${token}\r\n`));
  await until(() => slow.every(({ socket }) => socket.bytesWritten > 0), 'all to have begun');
  assert.equal(await post(`Bearer ${token}`), 200);
  assert.ok(slow.every(({ reply }) => reply() === ''));
  for (const { socket } of slow) socket.destroy();
});

test('a request with two tokens is refused', async () => {
  const { socket, reply } = begin(`Authorization: Bearer ${token}\r\nAuthorization: Bearer ${token}\r\n`);
  await until(() => reply().includes(' 401 '), 'the refusal');
  socket.destroy();
});

test('a caller without a token is refused before the body is read', async () => {
  const unknown = begin('');
  await until(() => unknown.reply().includes(' 401 '), 'the refusal');
  unknown.socket.destroy();
});

test('a caller over the rate limit is refused before the body is read', async () => {
  const limited = await createToken(config, { userId: 'limited', roles: [], expiresIn: '1h' });
  const { socket, reply } = begin(`Authorization: Bearer ${limited}\r\n`);
  await until(() => reply().includes(' 429 '), 'the refusal');
  socket.destroy();
});

test('only the scheme Bearer is accepted, in upper or lower case', async () => {
  for (const header of [`bearer ${token}`, `BEARER ${token}`]) assert.equal(await post(header), 200);
  for (const header of [token, `Basic ${token}`, 'Bearer', undefined]) assert.equal(await post(header), 401, header);
});
