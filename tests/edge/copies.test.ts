/** Every site has a copy of each site's streams with the original sequences and times. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { applyStreams } from '../../streams/apply.ts';
import { type System, startSystem, until } from '../harness.ts';
import { siteNames, startSites } from './sites.ts';

/** Returns the messages of a stream: sequence, subject, time. */
async function held(site: System, stream: string): Promise<string[]> {
  const jsm = await site.streams();
  const found: string[] = [];
  for await (const { seq, subject, timestamp } of await jsm.direct.getBatch(stream, { seq: 1, batch: 1000 })) {
    found.push(`${seq} ${subject} ${timestamp}`);
  }
  return found;
}

test('messages stored while the links are down are copied unchanged to all sites afterwards', async () => {
  await using sites = await startSites();
  const { hub, edge1, edge2, links } = sites;
  links.edge1.cut();
  links.edge2.swallow();
  // The catalogue keeps only the last states, so its sequences have gaps.
  for (let index = 0; index < 12; index++) await hub.publish('catalogue.hub.movie.1', { title: `Alien ${index}` });
  for (const name of siteNames) {
    for (let voter = 0; voter < 20; voter++) {
      await sites[name].publish(`votes.${name}.1`, { voterId: `${name}-${voter}`, liked: true });
    }
    await sites[name].publish(`library.${name}.ann`, { kind: 'watched', movieId: 1 });
    await sites[name].publish(`support.${name}.t-${name}.opened`, { userId: 'ann', message: 'Help' });
  }
  await assert.rejects(edge1.publish('votes.hub.1', {}), 'a site accepts only its own events');
  await assert.rejects(edge1.publish('catalogue.edge1.movie.2', {}), 'an edge writes no catalogue');
  links.edge1.resume();
  links.edge2.resume();

  for (const kind of ['CATALOGUE', 'VOTES', 'LIBRARY', 'SUPPORT']) {
    for (const home of siteNames) {
      if (kind === 'CATALOGUE' && home !== 'hub') continue;
      const original = await held(sites[home], kind);
      assert.ok(original.length > 0);
      for (const other of siteNames.filter((name) => name !== home)) {
        const same = async () => String(await held(sites[other], `${kind}_${home}`)) === String(original);
        await until(same, `${kind} of ${home} at ${other}`);
      }
    }
  }
  for (const site of [hub, edge1, edge2]) {
    const again = await applyStreams(site.link.nc, site.config());
    assert.deepEqual(new Set(Object.values(again)), new Set(['unchanged']));
  }
});

test('a hub whose streams contained all sites keeps those messages, and then accepts only its own', async () => {
  await using system = await startSystem();
  await system.publish('votes.north.1', { voterId: 'ann', liked: true });
  await system.publish('votes.hub.1', { voterId: 'ann', liked: false });
  // The hub accepts writes meanwhile.
  await system.start('ranking', 'technical-support');
  const config = { streamReplicas: 1, site: 'hub', sites: ['hub', 'edge1'] };
  const applied = await applyStreams(system.link.nc, config);
  assert.deepEqual([applied.VOTES, applied.VOTES_edge1], ['updated', 'created']);
  await assert.rejects(system.publish('votes.north.1', { voterId: 'ann', liked: true }));
  assert.equal(await system.publish('votes.hub.1', { voterId: 'bob', liked: true }), 3);
  assert.equal((await held(system, 'VOTES')).length, 3);
  const after = await system.startReplica('ranking', { SITES: 'hub,edge1' });
  await after.ready;
});
