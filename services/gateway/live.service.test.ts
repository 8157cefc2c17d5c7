/** Live events over a real connection: who receives which events, resuming, and slow clients. */
import assert from 'node:assert/strict';
import { type ClientRequest, get as httpGet, type IncomingMessage } from 'node:http';
import { test } from 'vitest';
import { createToken } from '../../shared/operations/create-token.ts';
import { get, post, type Replica, startSystem, until } from '../../tests/harness.ts';
import { encodePositions } from './live-events.ts';

const oneSite = { site: 'hub', sites: ['hub'] };

interface Event {
  event: string;
  id: string;
  data: Record<string, unknown>;
}

/** Reads Server-Sent Events. */
class Client implements Disposable {
  readonly events: Event[] = [];
  lastId = '';
  closed = false;
  readonly #request: ClientRequest;
  #text = '';

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#request = httpGet(url, { headers }, (response: IncomingMessage) => {
      response.setEncoding('utf8');
      response.on('data', (text: string) => this.#take(text));
      response.on('close', () => {
        this.closed = true;
      });
    });
    this.#request.on('error', () => {
      this.closed = true;
    });
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }

  #take(text: string): void {
    const blocks = (this.#text + text).split('\n\n');
    this.#text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s).slice(0, 2) as [string, string]));
      const id = fields.get('id');
      if (id !== undefined) this.lastId = id;
      const event = fields.get('event');
      if (event) this.events.push({ event, id: id ?? '', data: JSON.parse(fields.get('data') ?? '{}') });
    }
  }
}

async function like(gateway: Replica, movieId: number, user: string): Promise<void> {
  assert.equal((await post(`${gateway.url}/votes/${movieId}/like`, {}, { 'x-user-id': user })).status, 200);
}

test('sends coalesced likes to everyone, and tickets only to their owner', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies', 'ranking', 'support');
  for (const movieId of [1, 2]) await post(`${gateway.url}/movies`, { movieId, title: `Film ${movieId}` });
  using alice = new Client(`${gateway.url}/events`, { 'x-user-id': 'alice' });
  using stranger = new Client(`${gateway.url}/events?movies=2`);
  await until(() => alice.lastId !== '' && stranger.lastId !== '', 'both to be connected');

  await Promise.all(Array.from({ length: 50 }, (_, voter) => like(gateway, 1, `voter${voter}`)));
  await like(gateway, 2, 'bob');
  const ticket = await post(`${gateway.url}/support/alice`, { message: 'No sound.' });
  assert.equal(ticket.status, 201);
  await until(() => alice.events.some(({ data }) => data.movieId === 1 && data.likes === 50), 'all 50 likes');
  await until(() => stranger.events.some(({ data }) => data.movieId === 2 && data.likes === 1), 'the like of film 2');
  await until(() => alice.events.some(({ event }) => event === 'ticket'), 'the ticket');
  assert.ok(alice.events.filter(({ data }) => data.movieId === 1).length < 50, 'coalesced');
  const opened = alice.events.find(({ event }) => event === 'ticket');
  assert.deepEqual([opened?.data.ticketId, opened?.data.change], [ticket.body.ticketId, 'opened']);
  assert.deepEqual(
    stranger.events.filter(({ event, data }) => event === 'ticket' || data.movieId === 1),
    [],
  );
});

test('sends a resuming client the events it missed, once, or a reset when they are no longer kept', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'support');
  const open = async (message: string) => (await post(`${gateway.url}/support/alice`, { message })).body.ticketId;
  const headers = { 'x-user-id': 'alice' };
  const first = new Client(`${gateway.url}/events`, headers);
  await until(() => first.lastId !== '', 'connected');
  const seen = await open('one');
  await until(() => first.events.length === 1, 'the first ticket');
  first[Symbol.dispose]();

  const missed = [await open('two'), await open('three')];
  using second = new Client(`${gateway.url}/events`, { ...headers, 'last-event-id': first.lastId });
  await until(() => second.events.length >= 2, 'the missed events');
  const later = await open('four');
  await until(() => second.events.length >= 3, 'the new event');
  assert.deepEqual(
    second.events.map(({ data }) => data.ticketId),
    [...missed, later],
  );
  assert.ok(!second.events.some(({ data }) => data.ticketId === seen));

  for (const positions of [
    [0, 999_999, 0],
    [999_999, 999_999, 999_999],
  ] as const) {
    using lost = new Client(`${gateway.url}/events`, {
      ...headers,
      'last-event-id': encodePositions([...positions], oneSite),
    });
    await until(() => lost.events.length > 0, 'the reset');
    const next = await open('after a reset');
    await until(() => lost.events.some(({ data }) => data.ticketId === next), 'the new event');
    assert.deepEqual(
      lost.events.map(({ event }) => event),
      ['reset', 'ticket'],
      'one reset, and no event from before it',
    );
  }
  const wrong = await get(`${gateway.url}/events`, { 'last-event-id': 'nonsense' });
  assert.equal(wrong.status, 400);
});

test('a client can resume at another gateway replica', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'support');
  const headers = { 'x-user-id': 'alice' };
  const client = new Client(`${gateway.url}/events`, headers);
  await until(() => client.lastId !== '', 'connected');
  client[Symbol.dispose]();
  await post(`${gateway.url}/support/alice`, { message: 'while away' });
  await gateway.stop();
  const [other] = await system.start('gateway');
  using again = new Client(`${other.url}/events`, { ...headers, 'last-event-id': client.lastId });
  await until(() => again.events.length > 0, 'the ticket opened in between');
  assert.equal(again.events[0]?.event, 'ticket', 'not a reset, although this gateway has just started');

  // A client that connects while the gateway starts, without an id, receives no past events.
  const third = await system.startReplica('gateway');
  using early = new Client(`${third.url}/events`, headers);
  await until(() => early.lastId !== '', 'connected');
  assert.equal((await post(`${other.url}/support/alice`, { message: 'now' })).status, 201);
  await until(() => early.events.length > 0, 'the ticket opened now');
  assert.deepEqual([early.events.length, early.events[0]?.data.change], [1, 'opened']);
});

test('a HEAD of the live events leaves no listener behind', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway');
  const listeners = async (): Promise<string | undefined> =>
    /^marquee_live_listeners(?:\{.*\})? (\d+)$/m.exec(await (await fetch(`${gateway.url}/metrics`)).text())?.[1];
  using client = new Client(`${gateway.url}/events`);
  await until(async () => (await listeners()) === '1', 'the client to listen');
  const head = await fetch(`${gateway.url}/events`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream']);
  assert.deepEqual([await listeners(), client.closed], ['1', false]);
});

test('disconnects a client that missed more than its queue holds, and removes its listener', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway');
  const opened = { userId: 'alice', message: 'No sound.' };
  {
    using watcher = new Client(`${gateway.url}/events`, { 'x-user-id': 'alice' });
    await until(() => watcher.lastId !== '', 'connected');
    for (let n = 1; n <= 600; n++) {
      await system.publish(`support.hub.t${n}.opened`, opened);
      if (n % 100 === 0) await until(() => watcher.events.length === n, 'the gateway to have read them');
    }
  }
  const headers = { 'x-user-id': 'alice', 'last-event-id': encodePositions([0, 0, 0], oneSite) };
  const response = await fetch(`${gateway.url}/events`, { headers, signal: AbortSignal.timeout(60_000) });
  assert.equal(response.status, 200);
  const sent = (await response.text()).split('event: ticket').length - 1;
  assert.ok(sent > 400 && sent < 600, `${sent} were sent before the end`);
  const metrics = async () => (await fetch(`${gateway.url}/metrics`)).text();
  await until(async () => /^marquee_live_listeners(\{.*\})? 0$/m.test(await metrics()), 'the listener to be removed');
});

test('validates the parameters of live events like those of every operation', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway');
  const keyed = await system.startReplica('gateway', { JWT_SECRET: 'a secret of at least thirty-two characters' });
  const status = async (url: string, path: string, headers: Record<string, string> = {}) =>
    (await get(`${url}/events${path}`, headers)).status;
  for (const movies of ['0x1', '1e2', '1,', '0', '01', '-1', '1.0', '2147483648']) {
    assert.equal(await status(gateway.url, `?movies=${movies}`), 400, movies);
  }
  for (const path of ['?movie=1', '?movies=1&movies=2', '?userId=%ff']) {
    assert.equal(await status(gateway.url, path), 400, path);
  }
  assert.equal(await status(gateway.url, '', { 'x-user-id': 'José' }), 400);
  assert.equal(await status(keyed.url, '?userId=alice'), 400, 'userId is accepted only in open mode');
  for (const authorization of ['T', 'Basic YTpi', 'Bearer', 'bearer T']) {
    assert.equal(await status(keyed.url, '', { authorization }), 401, authorization);
  }
});

const secret = 'a secret of at least thirty-two characters';

test('a ticket issued by one gateway identifies the caller at another', async () => {
  await using system = await startSystem();
  const config = system.config({ JWT_SECRET: secret });
  const [one, other] = await Promise.all([1, 2].map(() => system.startReplica('gateway', { JWT_SECRET: secret })));
  assert.ok(one && other);
  await Promise.all([one.ready, other.ready]);
  const token = await createToken(config, { userId: 'auth0|alice', roles: [], expiresIn: '1h' });
  const authorization = `Bearer ${token}`;
  const issued = await post<{ ticket: string }>(`${one.url}/events/ticket`, {}, { authorization });
  assert.equal(issued.status, 200);
  const { ticket } = issued.body;
  using client = new Client(`${other.url}/events?ticket=${ticket}`);
  await until(() => client.lastId !== '', 'connected');
  await system.publish('support.hub.t1.opened', { userId: 'auth0|alice', message: 'No sound.' });
  await until(() => client.events.some(({ data }) => data.ticketId === 't1'), 'the event of the support ticket');

  assert.equal((await post(`${one.url}/events/ticket`, {})).status, 401, 'anonymous callers get no ticket');
  assert.equal((await post(`${one.url}/events/ticket`, {}, { authorization, 'marquee-position': 'x' })).status, 400);
  assert.equal((await post(`${one.url}/events/ticket`, {}, { authorization: `Bearer ${ticket}` })).status, 401);
  assert.equal((await get(`${other.url}/events?ticket=${ticket}`, { authorization })).status, 400);
});

test('refuses a misplaced token instead of letting its sender listen anonymously', async () => {
  await using system = await startSystem();
  const keyed = await system.startReplica('gateway', { JWT_SECRET: secret });
  await keyed.ready;
  const tokenFor = (expiresIn: string) =>
    createToken(system.config({ JWT_SECRET: secret }), { userId: 'alice', roles: [], expiresIn });
  const token = await tokenFor('1h');
  const refused = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
    const { status, body } = await get(`${keyed.url}/events${path}`, headers);
    assert.equal(status, 401, path);
    return String(body.detail);
  };
  for (const name of ['access_token', 'token', 'jwt', 'userId', 'lastEventId', 'ticket']) {
    assert.match(await refused(`?${name}=${token}`), /POST \/events\/ticket/);
  }
  assert.match(await refused('?token=anything'), /\(token\)/);
  assert.match(await refused('?ticket='), /not issued by this gateway/);
  assert.match(await refused('', { 'x-user-id': 'alice' }), /X-User-Id/);
  assert.match(await refused('', { authorization: `Token ${token}` }), /Bearer/);
  assert.match(await refused('', { authorization: `Bearer ${await tokenFor('-1h')}` }), /expired/);
  // Likes are public.
  using anonymous = new Client(`${keyed.url}/events`);
  await until(() => anonymous.lastId !== '', 'the anonymous client to be connected');
});

test('disconnects a client when its token expires', async () => {
  await using system = await startSystem();
  const env = { JWT_SECRET: 'a secret of at least thirty-two characters', JWT_CLOCK_TOLERANCE_S: '0' };
  const gateway = await system.startReplica('gateway', env);
  await gateway.ready;
  using stack = new DisposableStack();
  /** Connects one client by token and one by ticket, again with a longer token if a slow machine let it expire. */
  const listen = async (seconds: number): Promise<{ authorization: string; client: Client; byTicket: Client }> => {
    const user = { userId: 'alice', roles: [], expiresIn: `${seconds}s` };
    const authorization = `Bearer ${await createToken(system.config(env), user)}`;
    const client = stack.use(new Client(`${gateway.url}/events`, { authorization }));
    const issued = await post<{ ticket?: string }>(`${gateway.url}/events/ticket`, {}, { authorization });
    const byTicket = stack.use(new Client(`${gateway.url}/events?ticket=${issued.body.ticket}`));
    const isAnswered = ({ closed, lastId }: Client): boolean => closed || lastId !== '';
    await until(() => isAnswered(client) && isAnswered(byTicket), 'both to be answered');
    return client.lastId && byTicket.lastId ? { authorization, client, byTicket } : listen(seconds * 2);
  };
  const { authorization, client, byTicket } = await listen(2);
  let tickets = 0;
  await until(async () => {
    await system.publish(`support.hub.t${++tickets}.opened`, { userId: 'alice', message: 'No sound.' });
    return client.closed && byTicket.closed;
  }, 'both to be disconnected');
  assert.equal((await get(`${gateway.url}/events`, { authorization })).status, 401);
});
