/** Restoring a hub while edges have later messages than its backup. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { test } from 'vitest';
import { linkedSites, siteProblems, siteStates } from '../streams/site-links.ts';
import { temporaryFolder } from '../tests/folder.ts';
import { cleanEnvironment } from '../tests/process.ts';
import { bundled } from '../tests/shared-bundle.ts';
import { until } from '../tests/until.ts';
import { backup } from './backup.ts';
import { writeRegister } from './edge/register.ts';
import { startSites } from './edge/testing.ts';
import { restore } from './restore.ts';

test.concurrent('a restore recovers messages of the hub that only edges have before it accepts writes', async () => {
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

test.concurrent('backup and restore know the added edges without SITES', async () => {
  using folder = temporaryFolder();
  await using sites = await startSites(['edge1']);
  const hub = sites.at('hub');
  const last = async (stream: string): Promise<number> =>
    (await (await jetstreamManager(hub.nc)).streams.info(stream)).state.last_seq;
  const dataDir = join(folder.path, 'data');
  writeRegister(dataDir, { edge1: { publicKey: null } });
  const backedUp = join(folder.path, 'backup');
  const run = (script: string, ...args: string[]) => {
    const env = { ...cleanEnvironment(), NATS_URL: hub.broker.url, DATA_DIR: dataDir };
    // The link runs through this process, so it must not be blocked meanwhile.
    return promisify(execFile)(process.execPath, [bundled(script), ...args], { env });
  };
  await jetstream(sites.at('edge1').nc).publish('votes.edge1.1', 'at-edge');
  await until(async () => (await last('VOTES_edge1')) === 1, 'the copy');
  await run('deploy/backup.ts', backedUp);
  await jetstream(hub.nc).publish('votes.hub.1', 'behind');
  const { nc } = sites.at('edge1');
  const copied = async () => (await (await jetstreamManager(nc)).streams.info('VOTES_hub')).state.last_seq === 1;
  await until(copied, 'edge1 to have it');
  await run('deploy/restore.ts', backedUp, '--force');
  assert.deepEqual([await last('VOTES_edge1'), await last('VOTES')], [1, 1]);
  assert.deepEqual(await linkedSites(hub.nc, hub), ['edge1'], 'the backup does not say that it was removed');
  await run('deploy/edge/main.ts', 'recover');
  assert.deepEqual(await linkedSites(hub.nc, hub), []);
});
