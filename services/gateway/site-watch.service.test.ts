/** What the gateway of a hub reports about its edges. */
import assert from 'node:assert/strict';
import { jetstream } from '@nats-io/jetstream';
import { test } from 'vitest';
import { startSites } from '../../deploy/edge/testing.ts';
import { readConfig } from '../../shared/process/config.ts';
import { applyStreams } from '../../streams/all.ts';
import { get, temporaryFolder, until } from '../../tests/harness.ts';
import { metricsOf, sampleOf } from '../../tests/metrics-text.ts';
import { services } from '../index.ts';
import { gatewayOf } from './service.ts';

test('reports copies between sites in /readyz and as metrics, and says how to recover from a loss', async () => {
  using folder = temporaryFolder();
  await using sites = await startSites(['edge1']);
  const { broker } = sites.at('hub');
  const env = { NATS_URL: broker.url, SITES: 'hub,edge1', GATEWAY_PORT: '0', DATA_DIR: folder.path };
  await using gateway = await gatewayOf(services)(readConfig({ ...env, LOG_LEVEL: 'silent' }));
  await gateway.ready;
  const js = jetstream(sites.at('edge1').nc);
  for (let i = 0; i < 5; i++) await js.publish('votes.edge1.1', '{"voterId":"ann","liked":true}');

  type Ready = {
    degraded: boolean;
    problems?: string[];
    sites: { answers: object; copies: Record<string, unknown>[] };
  };
  const ready = async (): Promise<Ready> => (await get<Ready>(`${gateway.url}/readyz`)).body;
  const votes = {
    kind: 'VOTES',
    home: 'edge1',
    at: 'hub',
    homeSequence: 5,
    copySequence: 5,
    lost: false,
    outdated: false,
  };
  await until(async () => {
    const { copies } = (await ready()).sites;
    assert.deepEqual(
      copies.find(({ kind, home }) => kind === 'VOTES' && home === 'edge1'),
      votes,
    );
    return true;
  }, 'the copy to be complete');
  const sample = async (name: string, labels: Record<string, string>): Promise<number | undefined> =>
    sampleOf(await metricsOf(gateway.url), name, labels);
  const ofVotes = { site: 'edge1', messaging_destination_name: 'VOTES' };
  assert.equal(await sample('marquee_site_answers', { site: 'edge1' }), 1);
  assert.equal(await sample('marquee_site_home_sequence', ofVotes), 5);
  assert.equal(await sample('marquee_site_copy_sequence', { ...ofVotes, at: 'hub' }), 5);
  assert.equal(await sample('marquee_site_lost', { ...ofVotes, at: 'hub' }), 0);

  sites.at('edge1').link?.cut();
  await until(async () => (await sample('marquee_site_answers', { site: 'edge1' })) === 0, 'the cut link in metrics');
  assert.equal((await ready()).degraded, false, 'an unreachable site does not degrade this one');
  sites.at('edge1').link?.resume();

  const edge = await sites.restart('edge1', { wipe: true });
  await applyStreams(edge.nc, edge.config);
  const { problems } = await until(async () => {
    const now = await ready();
    return now.problems && now;
  }, 'the loss to be reported');
  assert.equal(await sample('marquee_site_lost', { ...ofVotes, at: 'hub' }), 1);
  assert.match(String(problems), /edge1 was wiped.*VOTES.*At edge1: npm run site -- recover edge1/);
});
