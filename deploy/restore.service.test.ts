/** A hub that is restored while edges have more than its backup. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { test } from 'vitest';
import { siteProblems, siteStates } from '../streams/site-links.ts';
import { temporaryFolder } from '../tests/folder.ts';
import { until } from '../tests/until.ts';
import { backup } from './backup.ts';
import { startSites } from './edge/testing.ts';
import { restore } from './restore.ts';

test('a restore gives the hub what edges have of it beyond the backup, before it takes a write', async () => {
  using folder = temporaryFolder();
  await using sites = await startSites(['edge1', 'edge2']);
  const before = sites.at('hub');
  const vote = async (at: string, text: string): Promise<void> => {
    const js = jetstream(sites.at(at).nc);
    for (let i = 0; i < 10; i++) await js.publish(`votes.${at}.1`, `${text}${i}`);
  };
  await vote('hub', 'saved');
  await vote('edge1', 'at-edge');
  const { nc: edge } = sites.at('edge1');
  const last = async (nc: typeof edge, stream: string): Promise<number> =>
    (await (await jetstreamManager(nc, { checkAPI: false })).streams.info(stream)).state.last_seq;
  await until(async () => (await last(before.nc, 'VOTES_edge1')) === 10, 'the hub to have the votes of edge1');
  await backup(before.nc, join(folder.path, 'backup'), before);
  await vote('hub', 'behind');
  await until(async () => (await last(edge, 'VOTES_hub')) === 20, 'edge1 to have all votes of the hub');
  sites.at('edge2').link?.cut();

  const hub = await sites.restart('hub', { wipe: true });
  await until(async () => (await siteStates(hub.nc, hub)).answers.edge1, 'the link');
  const { away } = await restore(hub.nc, join(folder.path, 'backup'), hub.config);
  assert.deepEqual(away, ['edge2']);
  const jsm = await jetstreamManager(hub.nc);
  const bodies = await Promise.all(
    [5, 15].map(async (seq) => (await jsm.streams.getMessage('VOTES', { seq }))?.string()),
  );
  assert.deepEqual(bodies, ['saved4', 'behind4']);
  assert.equal((await jetstream(hub.nc).publish('votes.hub.1', 'next')).seq, 21);
  await until(async () => (await last(edge, 'VOTES_hub')) === 21, 'edge1 to go on');
  assert.equal(await last(hub.nc, 'VOTES_edge1'), 10, 'copies are in the backup');
  assert.deepEqual(siteProblems(await siteStates(hub.nc, hub)), []);
});
