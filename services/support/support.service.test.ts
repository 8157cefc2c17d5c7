import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { get, isWell, post, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import { type Order, technicalSupport } from '../technical-support/contract.ts';
import type { Ticket } from '../tickets/contract.ts';
import { support } from './contract.ts';

interface Page<T> {
  items: T[];
  next: string | null;
}

let system: System;
let desk: Replica;
let agents: Replica;

beforeAll(async () => {
  system = await startSystem({ ownBroker: true });
  [desk, agents] = await system.start('support', 'technical-support');
});
afterAll(() => system[Symbol.asyncDispose]());

const open = (userId: string, message = 'help', headers: Record<string, string> = {}) =>
  post<Ticket>(`${desk.url}/support/${userId}`, { message }, headers);
const show = async (userId: string, ticketId: string) =>
  (await get<Ticket>(`${desk.url}/support/${userId}/${ticketId}`)).body;
const inState = (ticket: Pick<Ticket, 'userId' | 'ticketId'>, state: string) =>
  until(async () => {
    const shown = await show(ticket.userId, ticket.ticketId);
    return shown.state === state ? shown : null;
  }, `ticket ${ticket.ticketId} to be ${state}`);
/** Returns the order of a ticket once technical support shows it. */
const orderOf = async (ticket: Ticket): Promise<Order> => {
  const { orderId } = await inState(ticket, 'acknowledged');
  return until(async () => {
    const { status, body } = await get<Order>(`${agents.url}/orders/${orderId}`);
    return status === 200 ? body : null;
  }, `order ${orderId}`);
};

test('takes a ticket from opening to resolution', async () => {
  const opened = await open('alice', 'The film stops.');
  assert.equal(opened.status, 201);
  const { ticketId } = opened.body;
  assert.equal(opened.headers.get('location'), `/support/alice/${ticketId}`);
  assert.equal(opened.headers.get('etag'), `"${opened.body.revision}"`);
  assert.equal(opened.body.state, 'open');

  const order = await orderOf(opened.body);
  assert.deepEqual([order.ticketId, order.userId, order.message], [ticketId, 'alice', 'The film stops.']);
  const assigned = await post<Order>(`${agents.url}/orders/${order.orderId}/assign`, { assignee: 'robin' });
  assert.deepEqual([assigned.status, assigned.body.state, assigned.body.assignee], [200, 'assigned', 'robin']);
  await inState(opened.body, 'assigned');

  const resolved = await post<Order>(`${agents.url}/orders/${order.orderId}/resolve`, { resolution: 'New copy.' });
  assert.deepEqual([resolved.status, resolved.body.state], [200, 'resolved']);
  const shown = await inState(opened.body, 'resolved');
  assert.deepEqual(shown, (await get(`${agents.url}/orders/${order.orderId}`)).body);
  assert.deepEqual([shown.resolution, shown.assignee], ['New copy.', 'robin']);

  for (const [url, body] of [
    [`${agents.url}/orders/${order.orderId}/resolve`, {}],
    [`${agents.url}/orders/${order.orderId}/assign`, { assignee: 'kim' }],
    [`${desk.url}/support/alice/${ticketId}/cancel`, {}],
  ] as const) {
    const refused = await post<{ code: string; detail: string }>(url, body);
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict']);
    assert.equal(refused.body.detail, 'The ticket is already resolved.');
  }
});

test('cancels the order when the ticket is cancelled', async () => {
  const { body: ticket } = await open('bob');
  const order = await orderOf(ticket);
  const cancelled = await post<Ticket>(`${desk.url}/support/bob/${ticket.ticketId}/cancel`, {});
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'cancelled']);
  await until(
    async () => (await get<Order>(`${agents.url}/orders/${order.orderId}`)).body.state === 'cancelled',
    'the order to be cancelled',
  );
  const refused = await post<{ detail: string }>(`${agents.url}/orders/${order.orderId}/resolve`, {});
  assert.deepEqual([refused.status, refused.body.detail], [409, 'The ticket is already cancelled.']);
});

test('opens one ticket per Idempotency-Key when two replicas receive it concurrently', async () => {
  const [second] = await system.start('support');
  const key = { 'idempotency-key': 'k1' };
  const replies = await Promise.all(
    [desk, second, desk, second].map(({ url }) => post<Ticket>(`${url}/support/carol`, { message: 'twice' }, key)),
  );
  assert.deepEqual(
    replies.map(({ status }) => status),
    [201, 201, 201, 201],
  );
  assert.equal(new Set(replies.map(({ body }) => body.ticketId)).size, 1);
  assert.equal((await get<Page<Ticket>>(`${desk.url}/support/carol`)).body.items.length, 1);
  // Every replica, including a new one, refuses the key with another message, over NATS too.
  const [third] = await system.start('support');
  for (const { url } of [desk, second, third]) {
    const { status, body } = await post(`${url}/support/carol`, { message: 'another' }, key);
    assert.deepEqual([status, body.code], [422, 'idempotency_key_reused']);
  }
  const asked = { userId: 'carol', message: 'another', idempotencyKey: 'k1' };
  const reply = await system.link.nc.request('support.open', JSON.stringify(asked), { timeout: 20_000 });
  assert.equal(reply.headers?.get('Nats-Service-Error-Code'), '422');
  const racing = ['this', 'that'].map((message, index) =>
    post(`${[desk, second][index]?.url}/support/carol`, { message }, { 'idempotency-key': 'k2' }),
  );
  assert.deepEqual((await Promise.all(racing)).map(({ status }) => status).sort(), [201, 422]);
  // Keys are scoped to the viewer.
  const other = await post<Ticket>(`${desk.url}/support/dave`, { message: 'mine' }, key);
  assert.notEqual(other.body.ticketId, replies[0]?.body.ticketId);
});

test('lists tickets and orders newest first, in pages', async () => {
  const tickets: Ticket[] = [];
  for (let count = 0; count < 5; count++) tickets.push((await open('erin', `number ${count}`)).body);
  const wanted = tickets.map(({ ticketId }) => ticketId).reverse();
  for (const ticket of tickets) await orderOf(ticket);

  const read = async (url: string): Promise<string[]> => {
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page<Ticket> = (await get<Page<Ticket>>(`${url}limit=2${cursor && `&cursor=${cursor}`}`)).body;
      assert.ok(page.items.length <= 2);
      ids.push(...page.items.map(({ ticketId }) => ticketId));
      cursor = page.next;
    }
    return ids;
  };
  assert.deepEqual(await read(`${desk.url}/support/erin?`), wanted);
  // Orders may be sorted differently from the tickets.
  const orders = await read(`${agents.url}/orders?userId=erin&`);
  assert.deepEqual([...orders].sort(), [...wanted].sort());
  assert.deepEqual(await read(`${agents.url}/orders?userId=erin&state=acknowledged&`), orders);
  assert.deepEqual(await read(`${agents.url}/orders?userId=erin&state=resolved&`), []);
  const all = await read(`${agents.url}/orders?`);
  assert.deepEqual(
    all.filter((id) => wanted.includes(id)),
    orders,
  );
  assert.equal(new Set(all).size, all.length);
});

test('answers 404 for unknown tickets and orders, and 400 for invalid input', async () => {
  assert.deepEqual((await get(`${desk.url}/support/nobody`)).body, { items: [], next: null });
  assert.equal((await get(`${desk.url}/support/nobody/t0`)).status, 404);
  assert.equal((await post(`${desk.url}/support/nobody/t0/cancel`, {})).status, 404);
  assert.equal((await get(`${agents.url}/orders/none`)).status, 404);
  assert.equal((await post(`${agents.url}/orders/none/resolve`, {})).status, 404);
  const { body: ticket } = await open('frank');
  assert.equal((await get(`${desk.url}/support/nobody/${ticket.ticketId}`)).status, 404);
  assert.equal((await post(`${desk.url}/support/nobody/${ticket.ticketId}/cancel`, {})).status, 404);
  for (const body of [{}, { message: '' }, { message: '   ' }, { message: 5 }, { message: 'x'.repeat(5001) }]) {
    assert.equal((await post(`${desk.url}/support/frank`, body)).status, 400, JSON.stringify(body).slice(0, 40));
  }
  assert.equal((await get(`${agents.url}/orders?state=lost`)).status, 400);
  assert.equal((await get(`${agents.url}/orders?cursor=x`)).status, 400);
  const other = (await get<Page<Order>>(`${agents.url}/orders?limit=1`)).body.next;
  assert.equal((await get(`${agents.url}/orders?state=resolved&cursor=${other}`)).status, 400);
});

test('works over NATS with a numeric user id', async () => {
  const opened = await system.caller.ask(support.open, { userId: 7, message: 'by NATS' }, { timeoutMs: 20_000 });
  const { orderId } = await orderOf(opened);
  const asked = await system.caller.ask(technicalSupport.get, { orderId }, { timeoutMs: 20_000 });
  assert.deepEqual([asked.userId, asked.message], ['7', 'by NATS']);
});

test('creates an order for a ticket that was opened by hand', async () => {
  await system.publish('support.hub.byhand.opened', '{"userId":"gina","message":"x"}');
  const ticket = await inState({ userId: 'gina', ticketId: 'byhand' }, 'acknowledged');
  await post(`${agents.url}/orders/${ticket.orderId}/resolve`, {});
  assert.equal((await inState(ticket, 'resolved')).resolution, null);
});

test('dead-letters invalid facts, and keeps facts that are not allowed as history', async () => {
  const { body: ticket } = await open('hugo');
  await orderOf(ticket);
  const subject = `support.hub.${ticket.ticketId}`;
  await system.publish(`${subject}.opened`, '{"userId":"eve","message":"mine now"}');
  await system.publish(`${subject}.acknowledged`, '{"orderId":"another"}');
  const wrong = [
    await system.publish(`${subject}.resolved`, 'not json'),
    await system.publish(`${subject}.exploded`, '{}'),
  ];
  await until(async () => {
    const letters = await system.deadLetters();
    return wrong.every((sequence) =>
      ['support', 'technical-support'].every((reader) =>
        letters.some(
          (letter) => letter.startsWith(`deadletters.SUPPORT.${reader}.`) && letter.endsWith(`-${sequence}.failed`),
        ),
      ),
    );
  }, 'a dead letter for each reader and message');
  const { state, history } = await show('hugo', ticket.ticketId);
  assert.deepEqual([state, history?.map(({ fact }) => fact)], ['acknowledged', ['opened', 'acknowledged']]);
  assert.equal((await get<Page<Ticket>>(`${desk.url}/support/eve`)).body.items.length, 0);
  const cancelled = await post<Ticket>(`${desk.url}/support/hugo/${ticket.ticketId}/cancel`, {});
  assert.deepEqual([cancelled.status, cancelled.body.state], [200, 'cancelled']);
  await until(
    async () => (await get<{ deadLetters: number }>(`${agents.url}/readyz`)).body.deadLetters === wrong.length,
    'the dead letters to be counted',
  );
});

test('refuses new tickets at once and still serves lists while the broker is down', async () => {
  const { body: ticket } = await open('iris');
  await orderOf(ticket);
  await system.killBroker();
  await until(
    async () => (await get<{ degraded: boolean }>(`${desk.url}/readyz`)).body.degraded,
    'the loss to be noticed',
  );
  const refused = await open('iris', 'lost?');
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  const { detail } = refused.body as unknown as { detail: string };
  assert.equal(detail, 'The message broker cannot be reached.', 'the request does not wait for its deadline');
  assert.equal((await get<Page<Ticket>>(`${desk.url}/support/iris`)).body.items.length, 1);
  await system.restartBroker();
  await until(() => isWell(desk.url), 'support to be ready');
  const again = await until(async () => {
    const reply = await open('iris', 'again');
    return reply.status === 201 ? reply : null;
  }, 'a ticket to be opened again');
  await orderOf(again.body);
  const { items } = (await get<Page<Ticket>>(`${desk.url}/support/iris`)).body;
  assert.deepEqual(
    items.map(({ message }) => message),
    ['again', 'help'],
  );
});

test('refuses a second replica with the same data folder', async () => {
  const second = system.startReplica('support', { DATA_DIR: desk.dataDir });
  await assert.rejects(second, /Another process runs support with DATA_DIR=.*: end it, or give each/);
  assert.equal((await open('grace')).status, 201);
});
