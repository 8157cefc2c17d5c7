/** What crosses the link of an edge and what does not, between real brokers with the rights that they have in a deployment. */
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

/** Everything at home that another site has no business with, and the events of both. */
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
   * What one broker hears of subjects that are published at another. A subject that crosses is published behind them:
   * once it is there, all that could come has come.
   */
  async function crossing(
    from: NatsConnection,
    to: NatsConnection,
    subjects: string[],
    behind: string,
  ): Promise<string[]> {
    const heard: string[] = [];
    const subscription = to.subscribe('>', { callback: (_, { subject }) => void heard.push(subject) });
    // Those that have interest for this subject only, too: what a leaf connection subscribes to is refused one by one.
    const single = [...subjects, behind].map((subject) =>
      to.subscribe(subject, { callback: () => void heard.push(subject) }),
    );
    await to.flush();
    await until(() => {
      from.publish(behind);
      return heard.includes(behind);
    }, `${behind} to cross`);
    heard.length = 0;
    const last = `${behind}.last`;
    for (const subject of subjects) from.publish(subject, 'probe');
    await until(() => {
      from.publish(last);
      return heard.includes(last);
    }, `${last} to cross`);
    for (const one of [subscription, ...single]) one.unsubscribe();
    return subjects.filter((subject) => heard.includes(subject));
  }

  for (const edge of ['edge1', 'edge2']) {
    const other = edge === 'edge1' ? 'edge2' : 'edge1';

    test(`${edge} reaches nothing at the hub but what copying needs`, async () => {
      const subjects = foreign(hub, other);
      assert.deepEqual(await crossing(sites.at(edge).nc, sites.at(hub).nc, subjects, `to.hub.${edge}.probe`), []);
      const { state } = (await streamAt(sites.at(hub).nc, sites.at(hub), hub, 'VOTES')) ?? assert.fail();
      assert.equal(state.last_seq, 0, 'nothing is stored at the hub');
    });

    test(`${edge} hears nothing of the hub but what copying needs`, async () => {
      // What the hub stores comes as a copy.
      const stored = /^(votes|library|reminders\.\w+|support|catalogue)\.hub\./;
      const subjects = [...foreign(edge, other), ...foreign(hub, other)].filter((subject) => !stored.test(subject));
      assert.deepEqual(await crossing(sites.at(hub).nc, sites.at(edge).nc, subjects, `to.${edge}.probe`), []);
    });

    test(`${edge} can ask how far the hub's streams are, and not those of letters`, async () => {
      const { nc } = sites.at(edge);
      for (const stream of ['CATALOGUE', 'VOTES', 'LIBRARY', `VOTES_${other}`, `SUPPORT_${edge}`]) {
        assert.ok(await streamAt(nc, { site: edge }, hub, stream), stream);
      }
      await assert.rejects(streamAt(nc, { site: edge }, hub, 'DEADLETTERS'), SiteAway);
      await assert.rejects(streamAt(nc, { site: edge }, other, 'VOTES'), SiteAway);
    });
  }

  test('a broker without a key, or with another, gets no link', async () => {
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
