import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Replica, ReplicaProcess } from '../../tests/harness.ts';
import { get, post, type System, startSystem, until } from '../../tests/harness.ts';
import type { Ticket } from '../tickets/contract.ts';
import { orderIdOf } from './commands.ts';
import type { Order } from './contract.ts';

interface Page<T> {
  items: T[];
  next: string | null;
}

/** Returns all items of a list. */
async function all<T>(url: string): Promise<T[]> {
  const items: T[] = [];
  let cursor = '';
  for (;;) {
    const { status, body } = await get<Page<T>>(`${url}?limit=100${cursor}`);
    assert.equal(status, 200);
    items.push(...body.items);
    if (body.next === null) return items;
    cursor = `&cursor=${body.next}`;
  }
}

/** Returns descriptions of all messages with a fact in SUPPORT, by subject. */
async function stored(system: System, fact: string): Promise<Record<string, string[]>> {
  const jsm = await system.streams();
  const found: Record<string, string[]> = {};
  const next_by_subj = `support.*.*.${fact}`;
  for await (const message of await jsm.direct.getBatch('SUPPORT', { seq: 1, batch: 1000, next_by_subj })) {
    const [id, time, expected] = ['Nats-Msg-Id', 'ce-time', 'Nats-Expected-Last-Subject-Sequence'].map((name) =>
      message.header.get(name),
    );
    found[message.subject] ??= [];
    found[message.subject]?.push(`${message.seq} behind ${expected}: ${id} at ${time}`);
  }
  return found;
}

/** Returns the subjects with more than one message. */
const repeated = (found: Record<string, string[]>): [string, string[]][] =>
  Object.entries(found).filter(([, messages]) => messages.length > 1);

/** Opens a ticket with retries; the Idempotency-Key makes them safe. */
function openWithRetries(urls: string[], userId: string, number: number): Promise<Ticket> {
  let turn = number;
  const key = { 'idempotency-key': `ticket ${number}` };
  return until(async () => {
    const { status, body } = await post<Ticket>(
      `${urls[turn++ % urls.length]}/support/${userId}`,
      { message: 'x' },
      key,
    );
    return status === 201 || status === 202 ? body : null;
  }, `ticket ${number} to be opened`);
}

test('lets one win when a ticket is cancelled and resolved concurrently', async () => {
  await using system = await startSystem();
  const [desk1, desk2, agents1, agents2] = await system.start(
    'support',
    'support',
    'technical-support',
    'technical-support',
  );
  const winners = { cancelled: 0, resolved: 0 };
  for (let round = 0; round < 30; round++) {
    const desk: Replica = round % 2 ? desk1 : desk2;
    const agents: Replica = round % 4 < 2 ? agents1 : agents2;
    const { body: ticket } = await post<Ticket>(`${desk.url}/support/u${round}`, { message: 'race' });
    const orderUrl = `/orders/${orderIdOf(ticket.ticketId)}`;
    await until(async () => (await get(`${agents.url}${orderUrl}`)).status === 200, 'the order');
    const [cancel, resolve] = await Promise.all([
      post<{ detail: string }>(`${desk.url}/support/u${round}/${ticket.ticketId}/cancel`, {}),
      post<{ detail: string }>(`${agents.url}${orderUrl}/resolve`, {}),
    ]);
    assert.deepEqual([cancel.status, resolve.status].sort(), [200, 409]);
    const state = cancel.status === 200 ? 'cancelled' : 'resolved';
    winners[state]++;
    const loser = cancel.status === 200 ? resolve : cancel;
    assert.equal(loser.body.detail, `The ticket is already ${state}.`);
    await until(async () => {
      const shown = await Promise.all([
        ...[desk1, desk2].map(({ url }) => get<Ticket>(`${url}/support/u${round}/${ticket.ticketId}`)),
        ...[agents1, agents2].map(({ url }) => get<Order>(`${url}${orderUrl}`)),
      ]);
      return shown.every(({ body }) => body.state === state);
    }, `every replica to show ${state}`);
  }
  assert.equal(winners.cancelled + winners.resolved, 30);
  assert.deepEqual(await system.deadLetters(), []);
});

test('creates no order for a ticket that was cancelled first', async () => {
  await using system = await startSystem();
  const [desk] = await system.start('support');
  const { body: ticket } = await post<Ticket>(`${desk.url}/support/1`, { message: 'never mind' });
  assert.equal((await post(`${desk.url}/support/1/${ticket.ticketId}/cancel`, {})).status, 200);
  const { body: other } = await post<Ticket>(`${desk.url}/support/1`, { message: 'help' });
  const [agents] = await system.start('technical-support');
  const taken = `${agents.url}/orders/${orderIdOf(other.ticketId)}`;
  await until(async () => (await get(taken)).status === 200, 'the order of the next ticket');
  const jsm = await system.streams();
  await until(async () => {
    const { num_ack_pending, num_pending } = await jsm.consumers.info('SUPPORT', 'technical-support-orders');
    return num_ack_pending + num_pending === 0;
  }, 'all tickets to be handled');
  assert.deepEqual(Object.keys(await stored(system, 'acknowledged')).length, 1);
  assert.deepEqual(
    (await all<Order>(`${agents.url}/orders`)).map(({ ticketId }) => ticketId),
    [other.ticketId],
  );
});

// These two wait for the broker to redeliver messages, each in its own system, so they run concurrently.
test.concurrent('creates one order for each of 200 tickets when a replica and the broker are killed', async () => {
  await using system = await startSystem({ ownBroker: true });
  const desks = await system.start('support', 'support');
  const workers: ReplicaProcess[] = await Promise.all([
    system.spawn('technical-support'),
    system.spawn('technical-support'),
  ]);
  const [victim, survivor] = workers as [ReplicaProcess, ReplicaProcess];
  const urls = desks.map(({ url }) => url);
  const opening = Array.from({ length: 200 }, (_, number) => openWithRetries(urls, `u${number % 20}`, number));

  await until(async () => Object.keys(await stored(system, 'acknowledged')).length > 0, 'the first orders');
  await victim.program.signal('SIGKILL');
  await system.killBroker();
  await system.restartBroker();

  const tickets = await Promise.all(opening);
  const third = await system.spawn('technical-support', 'node', { DATA_DIR: victim.dataDir });
  for (const { url } of [survivor, third]) {
    await until(async () => (await all(`${url}/orders`)).length === 200, 'every ticket to have its order');
    const orders = await all<Order>(`${url}/orders`);
    assert.deepEqual(
      orders.map(({ ticketId, orderId }) => `${ticketId} ${orderId}`).sort(),
      tickets.map(({ ticketId }) => `${ticketId} ${orderIdOf(ticketId)}`).sort(),
    );
  }
  const acknowledged = await stored(system, 'acknowledged');
  assert.equal(Object.keys(acknowledged).length, 200);
  assert.deepEqual(repeated(acknowledged), []);
  assert.equal(Object.keys(await stored(system, 'opened')).length, 200);
  assert.deepEqual(await system.deadLetters(), []);
  // No replica logged an order that another one logged.
  const logged = [victim, survivor, third].flatMap(({ program }) =>
    [
      ...program.stdout.matchAll(/"ticketId":"([^"]+)","orderId":"[^"]+","msg":"service order created for ticket"/g),
    ].map(([, ticketId]) => ticketId),
  );
  assert.ok(logged.length > 0);
  assert.equal(new Set(logged).size, logged.length);
});

test.concurrent('creates no second order when a stopped replica resumes', async () => {
  await using system = await startSystem();
  const [desk] = await system.start('support');
  const held = await system.spawn('technical-support');
  const other = await system.spawn('technical-support');
  const opening = Array.from({ length: 60 }, (_, number) => openWithRetries([desk.url], 'u', number));
  await until(async () => Object.keys(await stored(system, 'acknowledged')).length > 0, 'the first orders');
  await held.program.signal('SIGSTOP');
  await Promise.all(opening);
  await until(async () => (await all(`${other.url}/orders`)).length === 60, 'the other replica to take all of them');
  await held.program.signal('SIGCONT');
  await until(async () => (await all(`${held.url}/orders`)).length === 60, 'the held replica to catch up');
  const jsm = await system.streams();
  await until(
    async () => (await jsm.consumers.info('SUPPORT', 'technical-support-orders')).num_ack_pending === 0,
    'all messages to be acknowledged',
  );
  assert.deepEqual(repeated(await stored(system, 'acknowledged')), []);
  assert.deepEqual(await system.deadLetters(), []);
});
