import assert from 'node:assert/strict';
import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { until } from '../../tests/until.ts';
import { createIdentity } from '../operations/access.ts';
import { JsonResponse, respond } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import { operation } from '../operations/operation.ts';
import { createLogger } from '../process/log.ts';
import { createHttp } from './app.ts';
import { protect } from './browser-guard.ts';
import { PlainRoutes } from './plain-routes.ts';
import { type Server, serve } from './server.ts';

const thing = operation({
  subject: 'test.thing',
  method: 'GET',
  path: '/things/:id',
  access: 'public',
  summary: 'Shows a thing',
  input: z.object({ id: z.string(), more: z.string().optional() }),
  output: z.object({}),
  example: { id: '1' },
});
const make = operation({
  subject: 'test.make',
  method: 'POST',
  path: '/things/:id',
  access: 'public',
  summary: 'Makes a thing',
  input: z.object({ id: z.string() }),
  output: z.object({}),
  success: 201,
  example: { id: '1' },
});

let answerSlow = Promise.withResolvers<JsonResponse>();

function appOf() {
  const access = { secret: undefined, jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 };
  return createHttp({
    routes: [
      {
        operation: thing,
        dispatch(input, { caller }) {
          if (input.id === 'none') throw new AppError('not_found', 'There is no such thing.');
          if (input.id === 'slow') return answerSlow.promise;
          const body = JSON.stringify({ ...input, text: 'Amélie', by: caller.userId ?? null });
          return Promise.resolve(new JsonResponse(body, { revision: 7 }));
        },
      },
      { operation: make, dispatch: (input) => respond(input, { location: `/things/${input.id}` }) },
    ],
    identity: createIdentity(access),
    timeoutMs: 1000,
    log: createLogger('test', 'silent'),
    maxInFlight: 1,
  });
}

/** Answers all by Hono. */
let hono: Server;
/** Answers what is plain by its route, from a Request. */
let fetching: Server;
/** Answers what is plain from Node's own request. */
let plain: Server;
const direct: boolean[] = [];

beforeAll(async () => {
  const config = { corsOrigins: ['https://pages.example'] };
  const pathless = Object.defineProperty(appOf(), 'operations', { value: new PlainRoutes() });
  hono = await serve(protect(pathless, config).fetch, '127.0.0.1', 0);
  const one = protect(appOf(), config);
  fetching = await serve(one.fetch, '127.0.0.1', 0);
  plain = await serve(one.fetch, '127.0.0.1', 0, (incoming, outgoing) => {
    const answered = one.direct(incoming, outgoing);
    direct.push(answered);
    return answered;
  });
});
afterAll(() => Promise.all([hono, fetching, plain].map((server) => server.close(0))));

interface Sent {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

interface Reply {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  text: string;
}

function send({ port }: Server, { method = 'GET', path, headers = {}, body }: Sent): [ClientRequest, Promise<Reply>] {
  const sent = request({ host: '127.0.0.1', port, method, path, headers });
  const reply = new Promise<Reply>((resolve, reject) => {
    sent.on('error', reject).on('response', async (response) => {
      const { date: _, ...rest } = response.headers;
      // Made for each refusal, if the client has none.
      if (!headers['x-request-id'] && rest['x-request-id']) rest['x-request-id'] = 'made';
      const text = (await response.toArray()).join('');
      resolve({ status: response.statusCode, headers: rest, text });
    });
  });
  sent.end(body);
  return [sent, reply];
}

const json = { 'content-type': 'application/json' };
const cases: [name: string, direct: boolean, sent: Sent][] = [
  ['a question', true, { path: '/things/1' }],
  ['who asks', true, { path: '/things/1', headers: { 'x-user-id': 'ann' } }],
  ['a request id', true, { path: '/things/1', headers: { 'x-request-id': 'r-1' } }],
  ['what is known', true, { path: '/things/1', headers: { 'if-none-match': '"6", W/"7"' } }],
  ['a refusal', true, { path: '/things/none' }],
  ['a command', true, { method: 'POST', path: '/things/2', headers: json, body: '{}' }],
  ['a command without a body', true, { method: 'POST', path: '/things/2' }],
  ['no JSON', true, { method: 'POST', path: '/things/2', headers: json, body: '{"x":' }],
  ['a body that is too long', false, { method: 'POST', path: '/things/2', body: 'x'.repeat(300_000) }],
  [
    'a body of untold length',
    false,
    { method: 'POST', path: '/things/2', headers: { 'transfer-encoding': 'chunked' } },
  ],
  ['a query', false, { path: '/things/1?more=yes' }],
  ['an encoded path', false, { path: '/things/%41%2Fb' }],
  ['a slash at the end', false, { path: '/things/1/' }],
  ['dots', false, { path: '/things/x/../2' }],
  ['a dot that is none', true, { path: '/things/a.b' }],
  ['a page', false, { path: '/things/1', headers: { origin: 'https://pages.example' } }],
  [
    'a page of somewhere else',
    false,
    { method: 'POST', path: '/things/1', headers: { origin: 'https://evil.example' } },
  ],
  ['only the head', false, { method: 'HEAD', path: '/things/1' }],
  ['another method', false, { method: 'DELETE', path: '/things/1' }],
  ['no route', false, { path: '/nothing' }],
];

for (const [name, plainly, sent] of cases) {
  test(`the same answer with and without Hono: ${name}`, async () => {
    direct.length = 0;
    const expected = await send(hono, sent)[1];
    assert.deepEqual(await send(fetching, sent)[1], expected, 'by a Request');
    assert.deepEqual(await send(plain, sent)[1], expected, "by Node's request");
    assert.deepEqual(direct, [plainly]);
  });
}

test('more than there is room for is refused, and whoever goes away leaves room', async () => {
  const slow = { path: '/things/slow' };
  const [gone, lost] = send(plain, slow);
  lost.catch(() => {});
  const refusal = async (): Promise<boolean> => (await send(plain, { path: '/things/1' })[1]).status === 503;
  await until(refusal, 'the room to be taken');
  assert.equal(
    (await send(plain, { method: 'POST', path: '/things/2' })[1]).status,
    201,
    'commands have their own room',
  );
  gone.destroy();
  answerSlow.resolve(new JsonResponse('{}'));
  await until(async () => !(await refusal()), 'room again');
  answerSlow = Promise.withResolvers();
});
