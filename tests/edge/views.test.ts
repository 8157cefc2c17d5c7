/** Views of the events of all sites give equal answers everywhere, including events from the time of a cut link. */
import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { test } from 'vitest';
import { get, post, type System, until } from '../harness.ts';
import { metricsOf, sampleOf } from '../metrics-text.ts';
import { siteNames, startSites } from './sites.ts';

test('likes of all sites count at all of them, but not events that a compromised edge forges for other sites', async () => {
  await using sites = await startSites();
  const { hub, edge1, links } = sites;
  await hub.publish('catalogue.hub.movie.1', { title: 'Alien' });
  const rankings = await Promise.all(siteNames.map(async (name) => (await sites[name].start('ranking'))[0]));
  const likes = (url: string) => get<{ likes: number }>(`${url}/votes/1`);
  for (const { url } of rankings) await until(async () => (await likes(url)).status === 200, 'the film');
  links.edge1.cut();
  for (const [index, { url }] of rankings.entries()) {
    const { status, body } = await post(`${url}/votes/1/like`, { voterId: `viewer-${index}` });
    assert.equal(status, 200, JSON.stringify(body));
  }
  links.edge1.resume();
  for (const { url } of rankings) await until(async () => (await likes(url)).body.likes === 3, `three likes at ${url}`);

  await takeAll(edge1);
  await edge1.publish('votes.hub.1', { voterId: 'forged', liked: true });
  await edge1.publish('votes.edge1.1', { voterId: 'true', liked: true });
  for (const { url } of rankings.filter((_, index) => index !== 1)) {
    await until(async () => (await likes(url)).body.likes > 3, `the like behind the forged one at ${url}`);
    assert.equal((await likes(url)).body.likes, 4);
    const forged = sampleOf(await metricsOf(url), 'marquee_forged_events_total');
    assert.equal(forged, 1);
  }
  for (const name of siteNames) assert.deepEqual(await sites[name].deadLetters(), []);
});

/** Lets an edge's own stream accept subjects of other sites, as an intruder there could. */
async function takeAll(edge: System): Promise<void> {
  const jsm = await jetstreamManager(edge.link.nc);
  const { config } = await jsm.streams.info('VOTES');
  await jsm.streams.update('VOTES', { ...config, subjects: ['votes.>'] });
}
