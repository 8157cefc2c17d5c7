/** Which subjects cross the link of an edge, between real brokers with the permissions of a deployment. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { hub } from '../../shared/process/sites.ts';
import { SiteAway, streamAt } from '../../streams/site-api.ts';
import { copiedKinds } from '../../streams/sites.ts';
import { temporaryFolder } from '../../tests/folder.ts';
import { until } from '../../tests/until.ts';
import { startBroker } from '../broker.ts';
import { edgeLines, seedVariable } from './broker-lines.ts';
import { newKey } from './register.ts';
import { startSites, type TestSites } from './testing.ts';

/** Returns subjects at a site that no other site may use, and event subjects of both sites. */
function foreign(site: string, other: string): string[] {
  const kinds = [...copiedKinds, 'DEADLETTERS'];
  const ofStreams = kinds.flatMap((kind) =>
    ['DELETE', 'PURGE', 'UPDATE', 'CREATE', 'SNAPSHOT', 'RESTORE', 'MSG.DELETE'].map(
      (verb) => `$JS.${site}.API.STREAM.${verb}.${kind}`,
    ),
  );
  const ofConsumers = kinds.flatMap((kind) => [
    `$JS.${site}.API.CONSUMER.DELETE.${kind}.movies-1`,
    `$JS.${site}.API.CONSUMER.MSG.NEXT.${kind}.movies-1`,
    `$JS.${site}.API.CONSUMER.DURABLE.CREATE.${kind}.spy`,
    `$JS.${site}.API.DIRECT.GET.${kind}`,
    `$JS.ACK.${kind}.movies-1.1.1.1.1.1`,
  ]);
  return [
    ...ofStreams,
    ...ofConsumers,
    `$JS.${site}.API.CONSUMER.CREATE.DEADLETTERS`,
    `$JS.${site}.API.CONSUMER.CREATE.DEADLETTERS.spy`,
    `$JS.${site}.API.STREAM.INFO.DEADLETTERS`,
    `$JS.${site}.API.STREAM.MSG.GET.DEADLETTERS`,
    `$JS.${site}.API.STREAM.NAMES`,
    `$JS.${site}.API.STREAM.LIST`,
    `$JS.${site}.API.INFO`,
    '$JS.API.STREAM.INFO.VOTES',
    ...[site, other].flatMap((one) => [
      `votes.${one}.9`,
      `library.${one}.ann`,
      `reminders.due.${one}.ann.1`,
      `support.${one}.t1.resolved`,
      `catalogue.${one}.movie.1`,
    ]),
    'deadletters.VOTES.ranking.x-1.failed',
    'movies.get',
    'movies.batch',
    'movies.batch.abc',
    'technical-support.resolve',
    '$SRV.PING',
    '$SRV.PING.movies.abc',
    '_INBOX.gateway.abc.1',
    `_INBOX.site.${other}.x`,
    `to.${other}.x`,
    `to.hub.${other}.x`,
  ];
}

describe('the link of an edge', () => {
  let sites: TestSites;

  beforeAll(async () => {
    sites = await startSites(['edge1', 'edge2']);
  });
  afterAll(() => sites[Symbol.asyncDispose]());

  /**
   * Publishes subjects at one broker and returns those that arrive at another. Last it publishes `marker`, a subject
   * that may cross: once that arrives, all others that may cross have arrived.
   */
  async function crossing(
    from: NatsConnection,
    to: NatsConnection,
    subjects: string[],
    marker: string,
  ): Promise<string[]> {
    const received: string[] = [];
    const subscription = to.subscribe('>', { callback: (_, { subject }) => void received.push(subject) });
    // A leaf connection refuses subscriptions one by one, so each subject is also subscribed to on its own.
    const single = [...subjects, marker].map((subject) =>
      to.subscribe(subject, { callback: () => void received.push(subject) }),
    );
    await to.flush();
    await until(() => {
      from.publish(marker);
      return received.includes(marker);
    }, `${marker} to cross`);
    received.length = 0;
    const last = `${marker}.last`;
    for (const subject of subjects) from.publish(subject, 'probe');
    await until(() => {
      from.publish(last);
      return received.includes(last);
    }, `${last} to cross`);
    for (const one of [subscription, ...single]) one.unsubscribe();
    return subjects.filter((subject) => received.includes(subject));
  }

  for (const edge of ['edge1', 'edge2']) {
    const other = edge === 'edge1' ? 'edge2' : 'edge1';

    test(`${edge} can publish nothing to the hub except what copying needs`, async () => {
      const subjects = foreign(hub, other);
      assert.deepEqual(await crossing(sites.at(edge).nc, sites.at(hub).nc, subjects, `to.hub.${edge}.probe`), []);
      const { state } = (await streamAt(sites.at(hub).nc, sites.at(hub), hub, 'VOTES')) ?? assert.fail();
      assert.equal(state.last_seq, 0, 'nothing is stored at the hub');
    });

    test(`${edge} receives nothing from the hub except what copying needs`, async () => {
      // Messages that the hub stores arrive as a copy of its stream.
      const stored = /^(votes|library|reminders\.\w+|support|catalogue)\.hub\./;
      const subjects = [...foreign(edge, other), ...foreign(hub, other)].filter((subject) => !stored.test(subject));
      assert.deepEqual(await crossing(sites.at(hub).nc, sites.at(edge).nc, subjects, `to.${edge}.probe`), []);
    });

    test(`${edge} can read the state of the hub's streams, but not of its dead letters`, async () => {
      const { nc } = sites.at(edge);
      for (const stream of ['CATALOGUE', 'VOTES', 'LIBRARY', `VOTES_${other}`, `SUPPORT_${edge}`]) {
        assert.ok(await streamAt(nc, { site: edge }, hub, stream), stream);
      }
      await assert.rejects(streamAt(nc, { site: edge }, hub, 'DEADLETTERS'), SiteAway);
      await assert.rejects(streamAt(nc, { site: edge }, other, 'VOTES'), SiteAway);
    });
  }

  test('refuses the link of a broker with no key or a wrong one', async () => {
    for (const seed of [newKey().seed, undefined]) {
      using folder = temporaryFolder();
      const lines = edgeLines({ hub: `nats-leaf://127.0.0.1:${sites.leafPort}` });
      const configuration = seed === undefined ? lines.replace(/nkey: \S+, /, '') : lines;
      const options = { port: 0, storeDir: join(folder.path, 'nats'), domain: 'edge1' };
      await using broker = await startBroker({ ...options, configuration, variables: { [seedVariable]: seed ?? '' } });
      const log = join(folder.path, 'nats/nats-server.log');
      await until(() => /Authorization Violation/i.test(readFileSync(log, 'utf8')), 'the refusal');
      const leafs = (await (await fetch(`${broker.monitoringUrl}/leafz`)).json()) as { leafnodes: number };
      assert.equal(leafs.leafnodes, 0);
    }
  });
});
