/** Every site has what each site has made, under the sequences and times that it has at home. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { applyStreams } from '../../streams/apply.ts';
import { type System, startSystem, until } from '../harness.ts';
import { siteNames, startSites } from './sites.ts';

/** The messages of a stream: sequence, subject, time. */
async function held(site: System, stream: string): Promise<string[]> {
  const jsm = await site.streams();
  const found: string[] = [];
  for await (const { seq, subject, timestamp } of await jsm.direct.getBatch(stream, { seq: 1, batch: 1000 })) {
    found.push(`${seq} ${subject} ${timestamp}`);
  }
  return found;
}

test('what each site stores while the links are down is at all of them soon after, as it is at home', async () => {
  await using sites = await startSites();
  const { hub, edge1, edge2, links } = sites;
  links.edge1.cut();
  links.edge2.swallow();
  // The catalogue keeps the last states only: sequences are missing in it.
  for (let index = 0; index < 12; index++) await hub.publish('catalogue.hub.movie.1', { title: `Alien ${index}` });
  for (const name of siteNames) {
    for (let voter = 0; voter < 20; voter++) {
      await sites[name].publish(`votes.${name}.1`, { voterId: `${name}-${voter}`, liked: true });
    }
    await sites[name].publish(`library.${name}.ann`, { kind: 'watched', movieId: 1 });
    await sites[name].publish(`support.${name}.t-${name}.opened`, { userId: 'ann', message: 'Help' });
  }
  await assert.rejects(edge1.publish('votes.hub.1', {}), 'nobody takes what is made at another site');
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

test('a hub that had all sites in its streams keeps what is there, and takes only its own from then on', async () => {
  await using system = await startSystem();
  await system.publish('votes.north.1', { voterId: 'ann', liked: true });
  await system.publish('votes.hub.1', { voterId: 'ann', liked: false });
  // It goes on meanwhile.
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
