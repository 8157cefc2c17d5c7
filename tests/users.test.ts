/** Any subject of an identity provider works as a user id: in streams, in answers, and after a replay. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { ReminderEntry } from '../services/reminder/contract.ts';
import type { Order } from '../services/technical-support/contract.ts';
import type { Ticket } from '../services/tickets/contract.ts';
import { createToken } from '../shared/operations/create-token.ts';
import { get, post, type Replica, remindSoon, startSystem, until } from './harness.ts';

const secret = 'a secret of at least thirty-two characters';
const users = ['auth0|abc 123', 'josé.müller@bücher.example', '🎬'.repeat(255)];
const agent = 'okta|robin@example.org';
const names = ['ranking', 'reminder', 'support', 'technical-support'] as const;

interface Page<T> {
  items: T[];
}

async function bearer(userId: string, ...roles: string[]): Promise<Record<string, string>> {
  const access = { secret, jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 };
  return { authorization: `Bearer ${await createToken({ access }, { userId, roles, expiresIn: '1h' })}` };
}

/** Reads live events until disposed. */
async function listen(url: string, headers: Record<string, string>) {
  const end = new AbortController();
  const events: { event: string; data: Record<string, unknown> }[] = [];
  const { body } = await fetch(`${url}/events`, { headers, signal: end.signal });
  const reading = (async () => {
    let text = '';
    for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + part).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\nid: .*\ndata: (.*)$/.exec(block) ?? [];
        if (event && data) events.push({ event, data: JSON.parse(data) as Record<string, unknown> });
      }
    }
  })().catch(() => {});
  return {
    events,
    [Symbol.asyncDispose]() {
      end.abort();
      return reading;
    },
  };
}

test('user ids with any characters are kept exactly, everywhere', async () => {
  await using system = await startSystem();
  const start = (): Promise<Replica[]> =>
    Promise.all(names.map((name) => system.startReplica(name, { JWT_SECRET: secret })));
  const first = await start();
  const gateway = await system.startReplica('gateway', { JWT_SECRET: secret });
  const movies = await system.startReplica('movies', { JWT_SECRET: secret });
  await Promise.all([...first, gateway, movies].map(({ ready }) => ready));
  const admin = await bearer('root', 'admin');
  const robin = await bearer(agent, 'agent');
  for (const movieId of [1, 2]) await post(`${gateway.url}/movies`, { movieId, title: `Film ${movieId}` }, admin);

  /** Reads the data of a user from the services at `urls`. */
  const shown = async ([ranking, reminder, support, orders]: string[], user: string) => {
    const path = encodeURIComponent(user);
    const bodies = [
      `${ranking}/votes/1?voterId=${path}`,
      `${reminder}/reminder/${path}`,
      `${reminder}/watched/${path}`,
      `${support}/support/${path}`,
      `${orders}/orders?userId=${path}`,
    ].map(async (url) => {
      const { status, body } = await get(url, admin);
      assert.equal(status, 200, url);
      return body;
    });
    return Promise.all(bodies);
  };

  /** Performs actions as a user, and as an agent for that user. */
  const use = async (user: string): Promise<void> => {
    const own = await bearer(user);
    const path = encodeURIComponent(user);
    await using heard = await listen(gateway.url, own);
    assert.deepEqual((await post(`${gateway.url}/votes/1/like`, {}, own)).body.liked, true);
    assert.deepEqual((await get(`${gateway.url}/votes/1`, own)).body.liked, true);
    const set = await remindSoon<ReminderEntry>(`${gateway.url}/reminder/${path}/1`, own);
    assert.deepEqual([set.status, set.body.userId], [201, user]);
    const watched = await post(`${gateway.url}/watched/${path}/2`, {}, own);
    assert.deepEqual([watched.status, watched.body.userId], [201, user]);
    const ticket = await post<Ticket>(`${gateway.url}/support/${path}`, { message: 'No sound.' }, own);
    assert.deepEqual([ticket.status, ticket.body.userId], [201, user]);
    const again = await get<Ticket>(`${gateway.url}${ticket.headers.get('location')}`, own);
    assert.equal(again.body.ticketId, ticket.body.ticketId);
    const order = await until(async () => {
      const { body } = await get<Page<Order>>(`${gateway.url}/orders?userId=${path}`, robin);
      return body.items[0];
    }, 'the order');
    assert.deepEqual([order.ticketId, order.userId], [ticket.body.ticketId, user]);
    const assigned = await post<Order>(`${gateway.url}/orders/${order.orderId}/assign`, { assignee: agent }, robin);
    assert.equal(assigned.body.assignee, agent);
    await until(async () => {
      const { body } = await get<Page<ReminderEntry>>(`${gateway.url}/reminder/${path}`, own);
      return body.items[0]?.due;
    }, 'the reminder to be due');
    for (const kind of ['reminder', 'ticket']) {
      await until(
        () => heard.events.some(({ event, data }) => event === kind && data.userId === user),
        `a live ${kind}`,
      );
    }
    assert.equal((await get(`${gateway.url}/reminder/${path}`, await bearer('alice'))).status, 403);
  };
  await Promise.all(users.map(use));

  const second = await start();
  await Promise.all(second.map(({ ready }) => ready));
  const urls = (replicas: Replica[]): string[] => replicas.map(({ url }) => url);
  for (const user of users) assert.deepEqual(await shown(urls(second), user), await shown(urls(first), user));
  const { items } = (await get<Page<ReminderEntry>>(`${second[1]?.url}/reminder`, admin)).body;
  assert.deepEqual(new Set(items.map(({ userId }) => userId)), new Set(users));
});
