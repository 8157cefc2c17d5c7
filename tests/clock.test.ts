/** A replica with a wrong clock stores the broker's time and reports the difference. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'vitest';
import { get, post, startSystem, until } from './harness.ts';
import { metricsOf, sampleOf } from './metrics-text.ts';

const realNow = Date.now;
afterEach(() => {
  Date.now = realNow;
});

/** Moves the clock of this process and the services in it. */
function moveClock(ms: number): void {
  Date.now = () => realNow() + ms;
}

/** Waits until a service has compared its clock with the broker's, which it can only do with a fast reply. */
const compared = (url: string) =>
  until(async () => sampleOf(await metricsOf(url), 'marquee_clock_ahead_seconds') !== undefined, 'a clock comparison');

const hourMs = 3_600_000;

test('replicas store events in order even if the clock of one is an hour behind', async () => {
  await using system = await startSystem();
  const [right, support] = await Promise.all([system.spawn('reminder'), system.spawn('support')]);
  const [movies] = await system.start('movies');
  for (const movieId of [1, 2]) {
    assert.equal((await post(`${movies.url}/movies`, { movieId, title: `Film ${movieId}` })).status, 201);
  }
  moveClock(-hourMs);
  const [behind, agents] = await system.start('reminder', 'technical-support');
  await until(async () => (await get(`${right.url}/readyz`)).status === 200, 'the other replica');
  for (const { url } of [behind, agents]) await compared(url);

  assert.equal((await post(`${right.url}/watched/ann/1`, {})).status, 201);
  assert.equal((await post(`${behind.url}/watched/ann/2`, {})).status, 201);
  for (const { url } of [right, behind]) {
    await until(async () => {
      const { items } = (await get<{ items: { movieId: number }[] }>(`${url}/watched/ann`)).body;
      return items.length === 2 && items[0]?.movieId === 2;
    }, 'the newest first');
  }

  const { body: ticket } = await post<{ ticketId: string }>(`${support.url}/support/ann`, { message: 'No sound' });
  const orders = async () =>
    (await get<{ items: { ticketId: string; openedAt: string; updatedAt: string }[] }>(`${agents.url}/orders`)).body
      .items;
  const order = await until(
    async () => (await orders()).find(({ ticketId }) => ticketId === ticket.ticketId),
    'the order',
  );
  assert.ok(order.updatedAt >= order.openedAt, `${order.updatedAt} is not before ${order.openedAt}`);

  const soon = new Date(realNow() - hourMs / 2).toISOString();
  assert.equal((await post(`${behind.url}/reminder/ann/1`, { remindAt: soon })).status, 400, 'that is in the past');

  const { clock } = (await get<{ clock: string }>(`${behind.url}/readyz`)).body;
  assert.match(clock, /clock is (3600|3599)\.\d s behind the broker's/);
  assert.match(await (await fetch(`${behind.url}/metrics`)).text(), /marquee_clock_ahead_seconds -(3600|3599)/);
  assert.equal((await get<{ clock?: string }>(`${right.url}/readyz`)).body.clock, undefined);
});

test('a small clock difference is ignored', async () => {
  await using system = await startSystem();
  moveClock(-700);
  const [movies] = await system.start('movies');
  await compared(movies.url);
  const before = Date.now();
  assert.equal((await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  const jsm = await system.streams();
  const message = await jsm.direct.getMessage('CATALOGUE', { last_by_subj: 'catalogue.hub.movie.1' });
  const time = Date.parse(message?.header.get('ce-time') ?? '');
  assert.ok(time >= before && time <= Date.now(), `${time} is by this clock`);
  assert.equal((await get<{ clock?: string }>(`${movies.url}/readyz`)).body.clock, undefined);
});
