/** Concurrent changes at several sites lead to equal answers at all of them. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Ticket } from '../../services/tickets/contract.ts';
import { del, get, post, put, type Replica, type Reply, until } from '../harness.ts';
import { type SiteName, siteNames, startSites, type ThreeSites } from './sites.ts';

const names = ['movies', 'ranking', 'reminder', 'support', 'technical-support'] as const;
type Services = Record<(typeof names)[number], Replica>;

let sites: ThreeSites;
let at: Record<SiteName, Services>;

beforeAll(async () => {
  sites = await startSites();
  const started: [SiteName, Services][] = [];
  for (const name of siteNames) {
    const replicas = await sites[name].start(...names);
    started.push([name, Object.fromEntries(replicas.map((replica) => [replica.name, replica])) as Services]);
  }
  at = Object.fromEntries(started) as Record<SiteName, Services>;
  for (const movieId of [1, 2, 3])
    await sites.hub.publish(`catalogue.hub.movie.${movieId}`, { title: `Film ${movieId}` });
  await everywhere('movies', '/movies/3', ({ status }) => status === 200);
});
afterAll(() => sites[Symbol.asyncDispose]());

/** Waits until all sites give the same bytes as an answer, and it meets the condition. */
async function everywhere<T>(service: keyof Services, path: string, fits: (reply: Reply<T>) => boolean): Promise<T> {
  return until(async () => {
    const replies = await Promise.all(siteNames.map((name) => get<T>(`${at[name][service].url}${path}`)));
    const [first, ...others] = replies as [Reply<T>, ...Reply<T>[]];
    const same = others.every((other) => JSON.stringify(other.body) === JSON.stringify(first.body));
    if (same && fits(first)) return first.body;
    throw new Error(JSON.stringify(replies.map(({ status, body }) => [status, body])));
  }, `all sites to say the same of ${path}`);
}

async function apart(work: () => Promise<void>): Promise<void> {
  const links = Object.values(sites.links);
  for (const link of links) link.cut();
  try {
    await work();
  } finally {
    for (const link of links) link.resume();
  }
}

const ok = (reply: Reply<unknown>, status = 200): void =>
  assert.equal(reply.status, status, JSON.stringify(reply.body));
const byHand = (time: number) => ({ 'ce-time': new Date(time).toISOString() });

test("a viewer's later vote wins at all sites, even with a clock that is an hour behind", async () => {
  await apart(async () => {
    ok(await post(`${at.hub.ranking.url}/votes/1/like`, { voterId: 'ann' }));
    ok(await del(`${at.edge1.ranking.url}/votes/1/like?voterId=ann`));
    ok(await post(`${at.edge2.ranking.url}/votes/1/like`, { voterId: 'bob' }));
  });
  await everywhere<{ likes: number }>('ranking', '/votes/1?voterId=ann', ({ body }) => body.likes === 1);
  // The last vote wins if its site had seen the earlier ones, even if those had clocks that were ahead.
  const hour = 3_600_000;
  await sites.edge2.publish(
    'votes.edge2.2',
    { voterId: 'ann', liked: true },
    { 'marquee-after': String(Date.now() + hour) },
  );
  await everywhere<{ likes: number }>('ranking', '/votes/2', ({ body }) => body.likes === 1);
  ok(await del(`${at.edge1.ranking.url}/votes/2/like?voterId=ann`));
  await everywhere<{ likes: number }>('ranking', '/votes/2', ({ body }) => body.likes === 0);
  // An old like at one site does not override a later vote at another.
  await sites.edge1.publish('votes.edge1.3', { voterId: 'ann', liked: true }, byHand(Date.now() - hour));
  await sites.edge2.publish('votes.edge2.3', { voterId: 'ann', liked: false });
  await everywhere<{ likes: number; liked: boolean }>(
    'ranking',
    '/votes/3?voterId=ann',
    ({ body }) => body.liked === false,
  );
});

test('a list changed at two sites is merged and follows its owner', async () => {
  await apart(async () => {
    ok(await post(`${at.edge1.reminder.url}/reminder/ann/1`, {}), 201);
    ok(await post(`${at.edge2.reminder.url}/reminder/ann/2`, {}), 201);
    ok(await post(`${at.hub.reminder.url}/watched/ann/2`, {}), 201);
    ok(await post(`${at.hub.reminder.url}/reminder/ann/3`, {}), 201);
  });
  type List = { items: { movieId: number }[] };
  const list = await everywhere<List>('reminder', '/reminder/ann', ({ body }) => body.items.length === 2);
  assert.deepEqual(
    list.items.map(({ movieId }) => movieId),
    [3, 1],
  );
  await everywhere<List>('reminder', '/watched/ann', ({ body }) => body.items.length === 1);
  // A user who moves to another site can remove the entries visible there.
  ok(await del(`${at.edge2.reminder.url}/reminder/ann/1`));
  await everywhere<List>('reminder', '/reminder/ann', ({ body }) => body.items.length === 1);
});

test('of a cancellation and a resolution at two sites the earlier wins, and the other is reported', async () => {
  const { body: ticket } = await post<Ticket>(`${at.edge1.support.url}/support/ann`, { message: 'No sound.' });
  const path = `/support/ann/${ticket.ticketId}`;
  const { orderId } = await everywhere<Ticket>('support', path, ({ body }) => body.state === 'acknowledged');
  await apart(async () => {
    ok(await post(`${at.hub['technical-support'].url}/orders/${orderId}/resolve`, { resolution: 'New copy.' }));
    ok(await post(`${at.edge1.support.url}${path}/cancel`, {}));
    const shown = (name: SiteName) => get<Ticket>(`${at[name].support.url}${path}`);
    assert.deepEqual([(await shown('hub')).body.state, (await shown('edge1')).body.state], ['resolved', 'cancelled']);
  });
  const settled = await everywhere<Ticket>('support', path, ({ body }) => body.history?.length === 1);
  assert.deepEqual(
    [settled.state, settled.history?.[0]?.fact, settled.history?.[0]?.site],
    ['resolved', 'cancelled', 'edge1'],
  );
  assert.deepEqual(await everywhere<Ticket>('technical-support', `/orders/${orderId}`, () => true), settled);
  ok(await post(`${at.edge2.support.url}${path}/cancel`, {}), 409);
  for (const name of siteNames) {
    const { state } = await (await sites[name].streams()).streams.info('SUPPORT', {
      subjects_filter: `support.*.*.acknowledged`,
    });
    assert.deepEqual(
      Object.keys(state.subjects ?? {}).length,
      name === 'edge1' ? 1 : 0,
      'its own site makes the order',
    );
    assert.deepEqual(await sites[name].deadLetters(), []);
  }
});

test('an edge forwards changes of the catalogue to the hub, and reports when it cannot', async () => {
  const { movies } = at.edge1;
  const added = await post<{ revision: number }>(`${movies.url}/movies`, { movieId: 9, title: 'Edge' });
  ok(added, 201);
  const position = added.headers.get('marquee-position') as string;
  assert.match(position, /^CATALOGUE_hub:\d+:/);
  assert.equal(
    (await get<{ title: string }>(`${movies.url}/movies/9`)).body.title,
    'Edge',
    'a movie answered with 201 is visible',
  );
  ok(await post(`${movies.url}/movies`, { movieId: 9, title: 'Twice' }), 409);
  ok(await post(`${movies.url}/movies`, { movieId: 10 }), 400);
  const changed = await put(`${movies.url}/movies/9`, { title: 'Changed' }, { 'if-match': `"${added.body.revision}"` });
  ok(changed);
  const stale = await put(`${movies.url}/movies/9`, { title: 'Stale' }, { 'if-match': `"${added.body.revision}"` });
  ok(stale, 412);
  await everywhere<{ title: string }>('movies', '/movies/9', ({ body }) => body.title === 'Changed');
  // A client that passes its position along reads its own writes at another site, in both directions.
  const there = await get(`${at.edge2.movies.url}/movies/9`, { 'marquee-position': position });
  ok(there);
  await apart(async () => {
    const refused = await post<{ detail: string }>(`${movies.url}/movies`, { movieId: 11, title: 'Lost' });
    ok(refused, 503);
    assert.match(refused.body.detail, /Only the hub can change the catalogue/);
    assert.equal(refused.headers.get('retry-after'), '5');
    ok(await del(`${movies.url}/movies/9`), 503);
    assert.equal((await get<{ title: string }>(`${movies.url}/movies/9`)).body.title, 'Changed');
  });
  const gone = await until(async () => {
    const reply = await del(`${movies.url}/movies/9`);
    return reply.status === 503 ? null : reply;
  }, 'the link to be back');
  ok(gone);
  await everywhere('movies', '/movies/9', ({ status }) => status === 404);
});
