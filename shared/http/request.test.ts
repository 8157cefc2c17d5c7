import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { ReadableStream } from 'node:stream/web';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { beginRequest } from '../../tests/http.ts';
import { until } from '../../tests/until.ts';
import { respond } from '../operations/endpoint.ts';
import { createIdentity } from '../operations/identity.ts';
import { operation } from '../operations/operation.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { createApp } from './app.ts';
import { type Server, serve } from './server.ts';

const log = createLogger('test', 'silent');

const echo = operation({
  subject: 'echo.say',
  method: 'POST',
  path: '/echo/:name',
  access: 'public',
  summary: 'Returns its input',
  input: z.object({ name: z.string(), text: z.string().optional() }),
  output: z.object({ text: z.string().optional() }),
  example: { name: 'ann' },
});

let server: Server;
let url: string;

beforeAll(async () => {
  const app = createApp({
    routes: [{ operation: echo, run: (input) => respond(input) }],
    identity: createIdentity(readConfig({}), log),
    requestTimeoutMs: 1000,
    log,
  });
  server = await serve((request, environment) => app.fetch(request, environment), '127.0.0.1', 0);
  url = `http://127.0.0.1:${server.port}/echo/ann`;
});
afterAll(() => server.close(0));

async function* pieces(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield part;
}

/** Posts a body without a Content-Length. */
async function post(...parts: Uint8Array[]): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, {
    method: 'POST',
    body: ReadableStream.from(pieces(...parts)),
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('a body is read completely when it arrives in pieces', async () => {
  const bytes = Buffer.from('{"text":"Amélie"}');
  const half = bytes.indexOf(0xc3) + 1;
  assert.deepEqual(await post(bytes.subarray(0, half), bytes.subarray(half)), {
    status: 200,
    body: { text: 'Amélie', name: 'ann' },
  });
  assert.deepEqual((await post(Buffer.from(' '))).body, { name: 'ann' }, 'a blank body is an empty object');
  const marked = await post(Buffer.from('\uFEFF{"text":"with a byte order mark"}'));
  assert.equal(marked.body.text, 'with a byte order mark');
});

test('a body that is not a JSON object is 400, and a long one without Content-Length is 413', async () => {
  for (const text of ['[1]', '"text"', '{"text":']) {
    const { status, body } = await post(Buffer.from(text));
    assert.deepEqual([status, body.code], [400, 'invalid'], text);
  }
  const half = Buffer.alloc(150_000, 'x');
  const { status, body } = await post(half, half);
  assert.deepEqual([status, body.code], [413, 'too_large']);
});

test('a body with a Content-Encoding is refused', async () => {
  const response = await fetch(url, { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: '{"text":"x"}' });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /Content-Encoding is not supported/);
});

const begin = (text: string) => beginRequest(server.port, text);

test('unfinished bodies are limited in total, and freed when their clients disconnect', async () => {
  const head = 'POST /echo/ann HTTP/1.1\r\nHost: x\r\nContent-Length: 262144\r\n\r\n';
  const burst = Array.from({ length: 130 }, () => begin(head + 'x'.repeat(260_000)));
  await until(() => burst.some(({ reply }) => reply().includes(' 503 ')), 'a refusal');
  assert.ok(burst.filter(({ reply }) => reply() !== '').length < 20, 'only those beyond the limit are refused');
  for (const { socket } of burst) socket.destroy();
  await until(async () => (await post(Buffer.from('{"text":"x"}'))).status === 200, 'space again');
});

test('a refused body no longer counts towards the limit while its connection stays open', async () => {
  const head = 'POST /echo/ann HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  const refused = Array.from({ length: 10 }, () => begin(head + chunk.repeat(100)));
  await until(() => refused.every(({ reply }) => reply().includes(' 413 ')), 'the refusals');
  assert.equal((await post(Buffer.from('{"text":"x"}'))).status, 200);
  for (const { socket } of refused) socket.destroy();
});

test('requests are answered after another client has disconnected in the middle of its body', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`POST /echo/ann HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"text":`);
  await new Promise((resolve) => socket.once('ready', resolve));
  socket.destroy();
  assert.equal((await post(Buffer.from('{"text":"still here"}'))).status, 200);
});
