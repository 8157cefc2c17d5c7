/** Operations over a real connection: status, headers and body of every kind of request. */
import assert from 'node:assert/strict';
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { until } from '../../tests/until.ts';
import { JsonResponse, respond } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { limit } from '../operations/fields.ts';
import { createIdentity } from '../operations/identity.ts';
import { operation } from '../operations/operation.ts';
import { readConfig } from '../process/config.ts';
import { createLogger } from '../process/log.ts';
import { createApp } from './app.ts';
import { guard } from './browser-guard.ts';
import { type Server, serve } from './server.ts';

const log = createLogger('test', 'silent');

const shared = { access: 'public', output: z.object({}), example: { id: '1' } } as const;
const id = z.string();
const thing = operation({
  ...shared,
  subject: 'test.thing',
  method: 'GET',
  path: '/things/:id',
  summary: 'Shows a thing',
  input: z.object({ id, more: z.string().optional() }),
});
const search = operation({
  ...shared,
  subject: 'test.search',
  method: 'GET',
  path: '/things/search',
  summary: 'Finds things',
  input: z.object({}),
  example: {},
});
const list = operation({
  ...shared,
  subject: 'test.list',
  method: 'GET',
  path: '/things',
  summary: 'Lists things',
  input: z.object({ limit }),
  example: {},
});
const make = operation({
  ...shared,
  subject: 'test.make',
  method: 'POST',
  path: '/things/:id',
  summary: 'Makes a thing',
  input: z.object({ id, tag: z.string().optional() }),
  headers: { 'if-match': 'tag' },
  success: 201,
});

const unmark = operation({ ...thing, subject: 'test.unmark', method: 'DELETE', kind: 'command', path: '/marks/:id' });

const page = 'https://pages.example';
let respondSlowly = Promise.withResolvers<JsonResponse>();
let server: Server;

beforeAll(async () => {
  const app = createApp({
    routes: [
      {
        operation: thing,
        run(input, { caller }) {
          if (input.id === 'none') throw new AppError('not_found', 'There is no such thing.');
          if (input.id === 'slow') return respondSlowly.promise;
          const body = JSON.stringify({ ...input, text: 'Amélie', by: caller.userId ?? null });
          return Promise.resolve(new JsonResponse(body, { revision: 7 }));
        },
      },
      { operation: search, run: () => respond({}) },
      {
        operation: list,
        run() {
          const end = performance.now() + 2;
          while (performance.now() < end);
          return respond({});
        },
      },
      { operation: unmark, run: (input) => respond(input) },
      { operation: make, run: (input) => respond(input, { location: `/things/${input.id}` }) },
    ],
    identity: createIdentity(readConfig({}), log),
    requestTimeoutMs: 1000,
    log,
    maxInFlight: 1,
  });
  server = await serve(
    guard(app, { corsOrigins: [page], allowedHosts: ['films.example'], open: true }),
    '127.0.0.1',
    0,
  );
});
afterAll(() => server.close(0));

interface Sent {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer | undefined;
}

interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: unknown;
}

function send({ method = 'GET', path, headers = {}, body }: Sent): [ClientRequest, Promise<Reply>] {
  const sent = request({ host: '127.0.0.1', port: server.port, method, path, headers });
  const reply = new Promise<Reply>((resolve, reject) => {
    sent.on('error', reject).on('response', async (response) => {
      const text = (await response.toArray()).join('');
      resolve({
        status: response.statusCode,
        headers: response.headers,
        body: text === '' ? undefined : JSON.parse(text),
      });
    });
  });
  sent.end(body);
  return [sent, reply];
}

test('a request that arrives with many lists does not wait for all of them', async () => {
  const answered: string[] = [];
  const ask = (path: string) => send({ path })[1].then(() => answered.push(path));
  const many = (path: string) => Array.from({ length: 200 }, () => ask(path));
  // Opens the connections in advance, because the requests below have to arrive at the same time.
  await Promise.all(many('/things/search'));
  answered.length = 0;
  await Promise.all([...many('/things'), ask('/things/1')]);
  assert.ok(answered.indexOf('/things/1') < 100, `answered in the order ${answered}`);
});

test('a list whose deadline has passed while it waited is not queried', async () => {
  let lookedUp = 0;
  const app = createApp({
    routes: [
      {
        operation: list,
        run() {
          lookedUp++;
          const end = performance.now() + 300;
          while (performance.now() < end);
          return respond({});
        },
      },
    ],
    identity: createIdentity(readConfig({}), log),
    requestTimeoutMs: 200,
    log,
  });
  // The first uses up its turn, and the second the next one.
  const asked = await Promise.all([1, 2, 3].map(() => app.request('/things')));
  const statuses = asked.map(({ status }) => status);
  assert.deepEqual([statuses[0], statuses[2]], [200, 503]);
  assert.equal(lookedUp, statuses.filter((status) => status === 200).length);
});

test('a DELETE with a body is refused even when no header announces the body, as over HTTP/2', async () => {
  const route = { operation: unmark, run: () => respond({}) };
  const config = readConfig({});
  const app = createApp({ routes: [route], identity: createIdentity(config, log), requestTimeoutMs: 5000, log });
  const response = await app.request('/marks/1', { method: 'DELETE', body: '{"tag":"7"}' });
  assert.equal(response.status, 400);
});

const json = { 'content-type': 'application/json' };
const problemJson = { 'content-type': 'application/problem+json' };
const chunked = { 'transfer-encoding': 'chunked' };
const allowed = { allow: 'GET, POST' };
const one = { id: '1', text: 'Amélie', by: null };
const get = (path: string, headers = {}): Sent => ({ path, headers });
const post = (path: string, body?: Sent['body'], headers = {}): Sent => ({ method: 'POST', path, body, headers });
const unmarkWith = (body: string, headers = {}): Sent => ({ method: 'DELETE', path: '/marks/1', body, headers });
const field = (name: string, message: string) => ({ fields: [{ field: name, message }] });
const unknownParameter = 'is not a query parameter of this operation';
const unknownParameters = { fields: ['most', '_'].map((name) => ({ field: name, message: unknownParameter })) };
const otherId = field('id', 'differs from the value in the path');
const otherTag = field('tag', 'differs from the value in the header');
const ignoredBody = field('body', 'is not allowed: use the path, query and headers');
const notUtf8 = field('URL', 'must be percent-encoded UTF-8; encode % itself as %25');
const cases: [name: string, sent: Sent, status: number, body: object | undefined, headers?: IncomingHttpHeaders][] = [
  ['a query', get('/things/1'), 200, one, { etag: '"7"', 'content-length': '37', ...json }],
  ['a caller', get('/things/1', { 'x-user-id': 'ann' }), 200, { ...one, by: 'ann' }],
  ['a request id', get('/things/1', { 'x-request-id': 'r-1' }), 200, one, { 'x-request-id': 'r-1' }],
  ['a known revision', get('/things/1', { 'if-none-match': '"6", W/"7"' }), 304, undefined],
  ['a refusal', get('/things/none'), 404, { code: 'not_found' }, problemJson],
  ['a command', post('/things/2', '{}', json), 201, { id: '2' }, { location: '/things/2' }],
  ['a command without a body', post('/things/2'), 201, { id: '2' }],
  ['a body that is not JSON', post('/things/2', '{"x":', json), 400, { code: 'invalid' }],
  ['a body that is too long', post('/things/2', 'x'.repeat(300_000)), 413, { code: 'too_large' }],
  ['a body without a Content-Length', post('/things/2', undefined, chunked), 201, {}],
  ['a query string', get('/things/1?more=yes%21'), 200, { ...one, more: 'yes!' }],
  ['an encoded path', get('/things/%41%2Fb'), 200, { ...one, id: 'A/b' }],
  ['a slash at the end', get('/things/1/'), 200, one],
  ['dots', get('/things/x/../1'), 200, one],
  ['a page', get('/things/1', { origin: page }), 200, one, { 'access-control-allow-origin': page }],
  ['a HEAD request', { method: 'HEAD', path: '/things/1' }, 200, undefined, { etag: '"7"' }],
  ['another method', { method: 'DELETE', path: '/things/1' }, 405, { code: 'method_not_allowed' }, allowed],
  ['the methods of a path', { method: 'OPTIONS', path: '/things/1' }, 204, undefined, allowed],
  ['the methods of a fixed path', { method: 'OPTIONS', path: '/things/search' }, 204, undefined, allowed],
  ['unknown parameters', get('/things/1?most=5&_=1'), 400, unknownParameters],
  ['a repeated parameter', get('/things/1?more=a&more=b'), 400, field('more', 'must be given only once')],
  ['a body that would be ignored', unmarkWith('{"tag":"7"}', { 'content-length': '11' }), 400, ignoredBody],
  ['an empty chunked body', unmarkWith('', chunked), 200, {}],
  ['an unknown field', post('/things/1', '{"idd":1}'), 400, field('idd', 'is not a field of this operation')],
  ['different ids in path and body', post('/things/1', '{"id":"2"}'), 400, otherId],
  ['an id that is an object', post('/things/1', '{"id":{"toString":1}}'), 400, otherId],
  ['the same id in path and body', post('/things/1', '{"id":"1"}'), 201, { id: '1' }],
  ['different values in header and body', post('/things/1', '{"tag":"2"}', { 'if-match': '1' }), 400, otherTag],
  ['a list instead of the value in a header', post('/things/1', '{"tag":["1"]}', { 'if-match': '1' }), 400, otherTag],
  [
    'a body that is not UTF-8',
    post('/things/2', Buffer.from('{"ÿ"}', 'latin1')),
    400,
    { detail: 'The input is not UTF-8.' },
  ],
  ['a user that is not ASCII', get('/things/1', { 'x-user-id': 'José' }), 400, { code: 'invalid' }],
  ['a percent-encoded user', get('/things/1', { 'x-user-id': 'Jos%C3%A9' }), 200, { ...one, by: 'José' }],
  ['a path that is not UTF-8', get('/things/%ff'), 400, notUtf8],
  ['a query that is not UTF-8', get('/things/1?a=100%'), 400, notUtf8],
  ['an unknown path', get('/nothing'), 404, { code: 'not_found' }],
];

for (const [name, sent, status, body, headers = {}] of cases) {
  test(`over HTTP: ${name}`, async () => {
    const reply = await send(sent)[1];
    assert.equal(reply.status, status);
    if (body === undefined) assert.equal(reply.body, undefined);
    else assert.partialDeepStrictEqual(reply.body, body);
    assert.partialDeepStrictEqual(reply.headers, headers);
  });
}

test('requests over the concurrency limit are refused, with separate limits for commands and queries', async () => {
  const [gone, lost] = send({ path: '/things/slow' });
  lost.catch(() => {});
  const refused = async (): Promise<boolean> => (await send({ path: '/things/1' })[1]).status === 503;
  await until(refused, 'the limit to be reached');
  assert.equal((await send({ method: 'POST', path: '/things/2' })[1]).status, 201);
  gone.destroy();
  respondSlowly.resolve(new JsonResponse('{}'));
  await until(async () => !(await refused()), 'the limit to be free again');
  respondSlowly = Promise.withResolvers();
});
