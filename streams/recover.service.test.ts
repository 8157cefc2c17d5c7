/** Recovering streams from other sites, with real brokers. */
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { test } from 'vitest';
import { startSites, type TestSite } from '../deploy/edge/testing.ts';
import { temporaryFolder } from '../tests/folder.ts';
import { until } from '../tests/until.ts';
import { applyStreams } from './all.ts';
import { recover, refreshCopies } from './recover.ts';
import { announcedSites, announceRemoved, announceSites, siteProblems, siteStates } from './site-links.ts';

const vote = async ({ nc, site }: TestSite, count: number, text: string): Promise<void> => {
  const js = jetstream(nc);
  for (let i = 0; i < count; i++) await js.publish(`votes.${site}.${1 + (i % 5)}`, `${text}${i}`);
};

/** Returns all messages of a stream as comparable text. */
async function contents({ nc }: TestSite, stream: string): Promise<string[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const found: string[] = [];
  for await (const message of await jsm.direct.getBatch(stream, { seq: 1, batch: 1000 })) {
    found.push(`${message.seq} ${message.timestamp} ${message.subject} ${message.string()}`);
  }
  return found;
}

/** Recovers a site's streams. Retries, because busy sites may answer too late, and then nothing is recovered. */
const recovery = ({ nc, config, site }: TestSite) =>
  until(async () => {
    const result = await recover(nc, config);
    return result.recovered.length > 0 ? result : undefined;
  }, `the recovery of ${site}`);

const same = (one: [TestSite, string], other: [TestSite, string]) =>
  until(async () => {
    const [a, b] = await Promise.all([contents(...one), contents(...other)]);
    assert.deepEqual(a, b);
    return true;
  }, `${one[0].site} ${one[1]} to be ${other[0].site} ${other[1]}`);

test.concurrent('an edge whose disk was lost recovers its history with the same sequences, then takes new votes', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  await vote(sites.at('edge1'), 40, 'before');
  await same([sites.at('hub'), 'VOTES_edge1'], [sites.at('edge1'), 'VOTES']);
  const before = await contents(sites.at('hub'), 'VOTES_edge1');
  const edge = await sites.restart('edge1', { wipe: true });
  const { recovered } = await recovery(edge);
  assert.deepEqual(recovered, [{ kind: 'VOTES', from: 'hub', copied: 40, storedAgain: 0 }]);
  assert.deepEqual(await contents(edge, 'VOTES'), before);
  await applyStreams(edge.nc, edge.config);
  await vote(edge, 10, 'after');
  await same([sites.at('edge2'), 'VOTES_edge1'], [edge, 'VOTES']);
  assert.equal((await contents(edge, 'VOTES')).length, 50);
  assert.deepEqual((await recover(edge.nc, edge.config)).recovered, [], 'nothing is left to recover');
});

test.concurrent('reports an edge that started from 1 after a loss, whose recovery keeps its messages since', async () => {
  await using sites = await startSites(['edge1']);
  await vote(sites.at('edge1'), 30, 'before');
  await same([sites.at('hub'), 'VOTES_edge1'], [sites.at('edge1'), 'VOTES']);
  const edge = await sites.restart('edge1', { wipe: true });
  await applyStreams(edge.nc, edge.config);
  await vote(edge, 7, 'since');
  const sentence = await until(
    async () => siteProblems(await siteStates(sites.at('hub').nc, sites.at('hub')))[0],
    'the problem',
  );
  assert.match(sentence, /edge1 was wiped.*VOTES.*At edge1: npm run site -- recover edge1$/);
  assert.deepEqual(siteProblems(await siteStates(edge.nc, edge)), [sentence], 'the edge reports it, too');
  const { recovered } = await recovery(edge);
  assert.deepEqual(recovered, [{ kind: 'VOTES', from: 'hub', copied: 30, storedAgain: 7 }]);
  const bodies = (await contents(edge, 'VOTES')).map((one) => one.split(' ').at(-1));
  assert.deepEqual(bodies.slice(28), ['before28', 'before29', ...Array.from({ length: 7 }, (_, i) => `since${i}`)]);
  assert.ok((await refreshCopies(sites.at('hub').nc, sites.at('hub').config)).includes('VOTES_edge1'));
  await same([sites.at('hub'), 'VOTES_edge1'], [edge, 'VOTES']);
  assert.deepEqual(siteProblems(await siteStates(edge.nc, edge)), []);
  const again = await refreshCopies(sites.at('hub').nc, sites.at('hub').config);
  assert.ok(!again.includes('VOTES_edge1'), 'once');
});

test.concurrent('a hub that was restored to an older state recovers from an edge', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  const hub = sites.at('hub');
  await vote(hub, 20, 'kept');
  const jsm = await jetstreamManager(hub.nc);
  await vote(hub, 10, 'lost');
  await same([sites.at('edge1'), 'VOTES_hub'], [hub, 'VOTES']);
  const whole = await contents(hub, 'VOTES');
  // As after a restore of older files: the last ten messages are gone, and new ones get their sequences.
  await jsm.streams.delete('VOTES');
  await applyStreams(hub.nc, hub.config);
  await vote(hub, 20, 'kept');
  sites.at('edge2').link?.cut();
  const { recovered, away } = await recovery(hub);
  assert.deepEqual(away, ['edge2']);
  assert.equal(recovered[0]?.from, 'edge1');
  assert.deepEqual((await contents(hub, 'VOTES')).slice(0, 30), whole);
  sites.at('edge2').link?.resume();
  for (const edge of ['edge1', 'edge2'].map(sites.at)) {
    await until(
      async () => (await refreshCopies(edge.nc, edge.config)).includes('VOTES_hub'),
      'a copy to be recreated',
    );
    await same([edge, 'VOTES_hub'], [hub, 'VOTES']);
  }
});

for (const home of ['hub', 'edge1'])
  test.concurrent(`detects that ${home} was restored to an older state even when it has since stored more than its copies`, async () => {
    using folder = temporaryFolder();
    const kept = join(folder.path, 'kept');
    await using sites = await startSites(['edge1', 'edge2']);
    const others = home === 'hub' ? ['edge1', 'edge2'] : ['hub'];
    const copy = `VOTES_${home}`;
    const sameAt = async (names: string[]) => {
      for (const name of names) await same([sites.at(name), copy], [sites.at(home), 'VOTES']);
    };
    await vote(sites.at(home), 20, 'kept');
    await sameAt(others);
    cpSync(sites.filesOf(home), kept, { recursive: true, filter: (file) => !file.includes('/ports') });
    await vote(sites.at(home), 5, 'lost');
    await sameAt(others);
    // Only the last of the copies has all messages.
    if (home === 'hub') sites.at('edge1').link?.cut();
    await vote(sites.at(home), 5, 'also lost');
    await sameAt(others.slice(-1));
    const whole = await contents(sites.at(home), 'VOTES');
    const links = ['edge1', 'edge2'].map((name) => sites.at(name).link);
    for (const link of links) link?.cut();
    const back = await sites.restart(home, { files: kept });
    await applyStreams(back.nc, back.config);
    await vote(back, 25, 'since');
    for (const link of links) link?.resume();
    const ended = async (name: string) =>
      (await (await jetstreamManager(sites.at(name).nc)).streams.info(copy)).state.last_seq === 45;
    for (const name of others) await until(() => ended(name), `the copy at ${name} to go on`);

    const problem = new RegExp(`The site ${home} was .*restored.* of its VOTES .*At ${home}: npm run site -- recover`);
    for (const site of [back, ...others.map(sites.at)])
      await until(
        async () => problem.test(siteProblems(await siteStates(site.nc, site))[0] ?? ''),
        `${site.site} to report it`,
      );
    const { recovered } = await recovery(back);
    assert.deepEqual(recovered, [{ kind: 'VOTES', from: others.at(-1), copied: 45, storedAgain: 25 }]);
    const now = await contents(back, 'VOTES');
    assert.deepEqual(now.slice(0, 30), whole);
    assert.deepEqual(
      now.slice(-25).map((one) => one.split(' ').at(-1)),
      Array.from({ length: 25 }, (_, i) => `since${i}`),
    );
    for (const site of others.map(sites.at))
      await until(async () => (await refreshCopies(site.nc, site.config)).includes(copy), 'a copy to be recreated');
    await sameAt(others);
    for (const site of [back, ...others.map(sites.at)])
      assert.deepEqual(siteProblems(await siteStates(site.nc, site)), []);
    assert.deepEqual((await recover(back.nc, back.config)).recovered, []);
  });

test.concurrent('keeps a copy with more messages than its home until the home has recovered them', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  const [edge1, edge2] = [sites.at('edge1'), sites.at('edge2')];
  await vote(sites.at('hub'), 20, 'kept');
  await same([edge1, 'VOTES_hub'], [sites.at('hub'), 'VOTES']);
  edge1.link?.cut();
  await vote(sites.at('hub'), 10, 'only at edge2');
  await same([edge2, 'VOTES_hub'], [sites.at('hub'), 'VOTES']);
  const whole = await contents(edge2, 'VOTES_hub');
  edge2.link?.cut();
  const hub = await sites.restart('hub', { wipe: true });
  await applyStreams(hub.nc, hub.config);
  await vote(hub, 3, 'since');
  edge1.link?.resume();
  const recoveredFrom = (edge: string) =>
    until(
      async () => (await recover(hub.nc, hub.config)).recovered.some(({ from }) => from === edge),
      `the recovery from ${edge}`,
    );
  await recoveredFrom('edge1');
  assert.equal((await contents(hub, 'VOTES')).length, 23);
  edge2.link?.resume();
  await until(async () => (await siteStates(edge2.nc, edge2)).answers.hub, 'the link');
  assert.ok(!(await refreshCopies(edge2.nc, edge2.config)).includes('VOTES_hub'));
  await recoveredFrom('edge2');
  assert.deepEqual((await contents(hub, 'VOTES')).slice(0, 30), whole);
  await until(
    async () => (await refreshCopies(edge2.nc, edge2.config)).includes('VOTES_hub'),
    'the copy to be recreated',
  );
  await same([edge2, 'VOTES_hub'], [hub, 'VOTES']);
});

test.concurrent('recreates copies that are missing, or empty and receive nothing', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  const jsm = await jetstreamManager(hub.nc);
  await until(async () => (await siteStates(hub.nc, hub)).answers.edge1, 'the link');
  const { config } = await jsm.streams.info('VOTES_edge1');
  // As a copy that was created before its home, for which the broker looks again only after a while.
  await jsm.streams.delete('VOTES_edge1');
  await jsm.streams.add({ ...config, mirror: { ...config.mirror, name: 'NOWHERE' } });
  await vote(edge, 5, 'first');
  await until(async () => (await refreshCopies(hub.nc, hub.config)).includes('VOTES_edge1'), 'it to be recreated');
  await same([hub, 'VOTES_edge1'], [edge, 'VOTES']);
  // As when the broker ended before the copy was created again.
  await jsm.streams.delete('VOTES_edge1');
  assert.ok((await refreshCopies(hub.nc, hub.config)).includes('VOTES_edge1'));
  await same([hub, 'VOTES_edge1'], [edge, 'VOTES']);
});

test.concurrent('does not wait for a removed site until it is added again', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  const hub = sites.at('hub');
  sites.at('edge1').link?.cut();
  await until(async () => (await siteStates(hub.nc, hub)).answers.edge1 === false, 'the cut link to be noticed');
  await announceSites(hub.nc, hub);
  await announceRemoved(hub.nc, ['edge1']);
  assert.deepEqual(Object.keys((await siteStates(hub.nc, hub)).answers), ['edge2']);
  assert.deepEqual((await recover(hub.nc, hub.config)).away, []);
  assert.deepEqual(await announcedSites(hub.nc, 'hub'), hub.sites, 'its events stay');
  await announceRemoved(hub.nc, []);
  assert.deepEqual((await recover(hub.nc, hub.config)).away, ['edge1']);
});

test.concurrent('a hub that has recovered its catalogue announces the sites again', async () => {
  await using sites = await startSites(['edge1', 'edge2']);
  await announceSites(sites.at('hub').nc, sites.at('hub'));
  await jetstream(sites.at('hub').nc).publish('catalogue.hub.movie.1', '{}');
  await same([sites.at('edge1'), 'CATALOGUE_hub'], [sites.at('hub'), 'CATALOGUE']);
  const hub = await sites.restart('hub', { wipe: true });
  await until(async () => (await recover(hub.nc, hub.config)).recovered.length > 0, 'the catalogue');
  assert.deepEqual(await announcedSites(sites.at('edge1').nc, 'edge1'), hub.sites);
});
