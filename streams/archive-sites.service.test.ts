/** Archiving in a system of several sites, with real brokers. */
import assert from 'node:assert/strict';
import { jetstream, jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { test } from 'vitest';
import { startSites, type TestSite } from '../deploy/edge/testing.ts';
import { archiveOf } from '../shared/broker/archive.ts';
import { Connection, type Link } from '../shared/broker/connection.ts';
import { plainHeaders } from '../shared/broker/event-codec.ts';
import { publishOne } from '../shared/broker/publisher.ts';
import { maxLastTaken } from '../shared/broker/stream-identity.ts';
import { StreamReader } from '../shared/broker/stream-reader.ts';
import { readConfig } from '../shared/process/config.ts';
import { createLogger } from '../shared/process/log.ts';
import { startProgram } from '../tests/process.ts';
import { until } from '../tests/until.ts';
import { applyStreams } from './all.ts';
import { archiveOld } from './archiver.ts';
import { recover, refreshCopies } from './recover.ts';
import { encodeLine, packLines, segmentHeaders } from './segment.ts';
import { announceRemoved, announceSites } from './site-links.ts';

const log = createLogger('test', 'silent');

const connectTo = ({ broker, site, sites }: TestSite): Connection =>
  new Connection(readConfig({ NATS_URL: broker.url, SITE: site, SITES: sites.join() }), 'test', log);

async function vote({ nc, site }: TestSite, count: number): Promise<void> {
  const js = jetstream(nc);
  for (let i = 0; i < count; i++) await js.publish(`votes.${site}.1`, `{"voterId":"v${i}","liked":true}`);
}

/** Waits until a copy has the messages up to a sequence. */
async function copied({ nc }: TestSite, stream: string, last: number): Promise<void> {
  const jsm = await jetstreamManager(nc);
  await until(async () => (await jsm.streams.info(stream)).state.last_seq === last, `${last} messages in ${stream}`);
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

/** Reads an edge's copy of the hub's votes into `taken`. Calls `onStart` whenever reading starts or fails. */
function copyReader(edge: TestSite, taken: number[], onStart = () => {}): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const connection = stack.use(connectTo(edge));
  let lastTaken: { sequence: number; storedAt: number }[] = [];
  const target = {
    position: (info: StreamInfo) => ({ sequence: taken.at(-1) ?? 0, created: info.created, lastTaken }),
    apply(messages: { sequence: number; storedAt: number }[]) {
      lastTaken = messages.slice(-maxLastTaken).map(({ sequence, storedAt }) => ({ sequence, storedAt }));
      taken.push(...messages.map(({ sequence }) => sequence));
    },
    behind: onStart,
    caughtUp() {},
    // NaN fails the test, where an error would only make the reader start over.
    replaced: () => void taken.push(Number.NaN),
  };
  const archive = archiveOf('VOTES', 'VOTES_hub');
  stack.use(new StreamReader({ stream: 'VOTES_hub', filter: 'votes.>', archive, connection, log, target }));
  return stack;
}

/** Stores the hub's first votes in its archive, without checking that the other sites have copied them. */
async function storeSegment(link: Link, last: number): Promise<void> {
  const lines: string[] = [];
  for (let seq = 1; seq <= last; seq++) {
    const message = await link.jsm.streams.getMessage('VOTES', { seq });
    assert.ok(message);
    const { subject, time, data, header } = message;
    const storedAt = time.getTime();
    lines.push(encodeLine({ stream: 'VOTES', sequence: seq, storedAt, subject, headers: plainHeaders(header), data }));
  }
  const segment = { first: 1, last, body: await packLines(lines) };
  await publishOne(link, { subject: 'archive.hub.votes', data: segment.body, headers: segmentHeaders(segment) });
}

async function readCopy(edge: TestSite, count: number): Promise<number[]> {
  const taken: number[] = [];
  await using _ = copyReader(edge, taken);
  await until(() => taken.length >= count, 'all messages');
  return taken;
}

// Each test has a system of its own and mostly waits, so they run concurrently.
test.concurrent('archives only what all sites have copied, for readers of a recreated copy, too', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  await using atHub = connectTo(hub);
  const link = await atHub.first;
  const all = { stream: 'VOTES', at: hub, before: Number.POSITIVE_INFINITY };
  const firstOf = async () => (await link.jsm.streams.info('VOTES')).state.first_seq;
  await vote(hub, 40);
  await copied(edge, 'VOTES_hub', 40);
  edge.link?.cut();
  await vote(hub, 30);
  await until(
    () => assert.rejects(archiveOld(link, all), /edge1 does not answer.*Nothing was removed/).then(() => true),
    'the hub to notice',
  );
  assert.equal(await firstOf(), 1);
  edge.link?.resume();
  await copied(edge, 'VOTES_hub', 70);
  await until(() => archiveOld(link, all), 'all to be archived');
  assert.equal(await firstOf(), 61);
  await vote(hub, 10);
  edge.link?.cut();
  await announceRemoved(hub.nc, ['edge1']);
  assert.equal((await archiveOld(link, all)).messages, 10, 'a removed site is not waited for');
  await announceRemoved(hub.nc, []);
  edge.link?.resume();

  // The copies are now as at a newly added edge.
  const jsm = await jetstreamManager(edge.nc);
  for (const copy of ['VOTES_hub', 'ARCHIVE_hub']) await jsm.streams.delete(copy);
  await applyStreams(edge.nc, edge.config);
  assert.deepEqual(await readCopy(edge, 80), upTo(80));
});

test.concurrent('messages that a home archives while its copy is incomplete are read from the archive', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  await using atHub = connectTo(hub);
  const link = await atHub.first;
  const jsm = await jetstreamManager(edge.nc);
  await vote(hub, 30);
  await copied(edge, 'VOTES_hub', 30);
  // As if the edge had recreated its copy after the check: the link is cut when the copy has 30 messages.
  edge.link?.cut();
  await vote(hub, 40);
  await storeSegment(link, 60);
  await link.jsm.streams.purge('VOTES', { seq: 61 });
  const taken: number[] = [];
  await using _ = copyReader(edge, taken);
  await until(() => taken.length === 30, 'what is there');
  edge.link?.resume();
  await until(() => taken.length >= 70, 'the rest');
  assert.deepEqual(taken, upTo(70));
  assert.equal((await jsm.streams.info('VOTES_hub')).state.first_seq, 1, 'the copy has a gap');
  assert.deepEqual(await readCopy(edge, 70), upTo(70));
});

test.concurrent('reads a recreated copy only when the copy of the archive has what it lacks', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  await using atHub = connectTo(hub);
  const link = await atHub.first;
  const jsm = await jetstreamManager(edge.nc);
  await vote(hub, 30);
  const taken: number[] = [];
  let starts = 0;
  await using _ = copyReader(edge, taken, () => void starts++);
  await until(() => taken.length === 30, 'the first votes');
  const [votes, archive] = await Promise.all(['VOTES_hub', 'ARCHIVE_hub'].map((copy) => jsm.streams.info(copy)));
  assert.ok(votes && archive);
  for (const copy of ['VOTES_hub', 'ARCHIVE_hub']) await jsm.streams.delete(copy);
  // A copy of the archive that receives nothing.
  await jsm.streams.add({ ...archive.config, mirror: { ...archive.config.mirror, name: 'NONE' } });
  await vote(hub, 40);
  await storeSegment(link, 60);
  await link.jsm.streams.purge('VOTES', { seq: 61 });
  await jsm.streams.add(votes.config);
  await until(async () => (await jsm.streams.info('VOTES_hub')).state.last_seq === 70, 'the copy');
  const before = starts;
  await until(() => starts > before + 2, 'the reader to start over');
  assert.deepEqual(taken, upTo(30));
  await jsm.streams.delete('ARCHIVE_hub');
  await applyStreams(edge.nc, edge.config);
  await until(() => taken.length >= 70, 'the rest');
  assert.deepEqual(taken, upTo(70));
});

test.concurrent('a site that was restored to an older state archives nothing until it has recovered its streams', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  await using atHub = connectTo(hub);
  const link = await atHub.first;
  const all = { stream: 'VOTES', at: hub, before: Number.POSITIVE_INFINITY };
  const stateOf = async (stream: string) => (await link.jsm.streams.info(stream)).state;
  await vote(hub, 40);
  await copied(edge, 'VOTES_hub', 40);
  // As after a restore of older files, and new messages since.
  await link.jsm.streams.delete('VOTES');
  await applyStreams(hub.nc, hub.config);
  await vote(hub, 35);
  await assert.rejects(archiveOld(link, all), /hub was restored.*VOTES.*npm run site -- recover.*Nothing was removed/);
  assert.deepEqual([(await stateOf('VOTES')).first_seq, (await stateOf('ARCHIVE')).messages], [1, 0]);
  assert.equal((await recover(hub.nc, hub.config)).recovered[0]?.storedAgain, 35);
  await until(
    async () => (await refreshCopies(edge.nc, edge.config)).includes('VOTES_hub'),
    'the copy to be recreated',
  );
  await copied(edge, 'VOTES_hub', 75);
  assert.equal((await archiveOld(link, all)).messages, 65);
});

test.concurrent('commands consider all sites when SITES is not set', async () => {
  await using sites = await startSites(['edge1']);
  const [hub, edge] = [sites.at('hub'), sites.at('edge1')];
  const runAt = async ({ broker, site }: TestSite, script: string) => {
    const program = startProgram(script, [], { NATS_URL: broker.url, SITE: site, VOTES_KEEP: '0s' });
    return { status: await program.ended, stderr: program.stderr };
  };
  await announceSites(hub.nc, hub);
  for (const at of [hub, edge]) {
    const { status, stderr } = await runAt(at, 'streams/apply.ts');
    assert.equal(status, 0, stderr);
    const { config } = await (await jetstreamManager(at.nc)).streams.info('VOTES');
    assert.deepEqual(config.subjects, [`votes.${at.site}.>`], 'streams of one of several sites');
  }
  await vote(hub, 40);
  await vote(edge, 40);
  edge.link?.cut();
  assert.match((await runAt(hub, 'streams/archive-cli.ts')).stderr, /edge1 does not answer.*Nothing was removed/);
  assert.match((await runAt(edge, 'streams/archive-cli.ts')).stderr, /hub does not answer, and SITES is not set/);
  for (const { nc } of [hub, edge]) {
    assert.equal((await (await jetstreamManager(nc)).streams.info('VOTES')).state.first_seq, 1);
  }
});

test.concurrent('recovers the archive of a lost site before the stream that continues it', async () => {
  await using sites = await startSites(['edge1']);
  const hub = sites.at('hub');
  const jsm = await jetstreamManager(hub.nc);
  await vote(sites.at('edge1'), 40);
  await copied(hub, 'VOTES_edge1', 40);
  {
    await using atEdge = connectTo(sites.at('edge1'));
    const link = await atEdge.first;
    const all = { stream: 'VOTES', at: sites.at('edge1'), before: Number.POSITIVE_INFINITY };
    assert.equal((await archiveOld(link, all)).messages, 30);
  }
  await copied(hub, 'ARCHIVE_edge1', 1);
  await jsm.streams.delete('VOTES_edge1');
  await applyStreams(hub.nc, hub.config);
  await copied(hub, 'VOTES_edge1', 40);

  const edge = await sites.restart('edge1', { wipe: true });
  await applyStreams(edge.nc, edge.config);
  const back: string[] = [];
  await until(async () => {
    const { recovered } = await recover(edge.nc, edge.config);
    back.push(...recovered.map(({ kind }) => kind));
    return back.length > 0;
  }, 'the link');
  assert.deepEqual(back, ['ARCHIVE', 'VOTES']);
  const { first_seq: first, last_seq: last } = (await (await jetstreamManager(edge.nc)).streams.info('VOTES')).state;
  assert.deepEqual([first, last], [31, 40]);
});
