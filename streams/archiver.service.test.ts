/** Archiving old votes, which readers of the stream then get from the archive. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamInfo } from '@nats-io/jetstream';
import { test } from 'vitest';
import { putSnapshot, takeSnapshot } from '../deploy/snapshot.ts';
import { archiveKind, archiveOf, segmentAt } from '../shared/broker/archive.ts';
import { plainHeaders, type StoredMessage } from '../shared/broker/event-codec.ts';
import { publishOne } from '../shared/broker/publisher.ts';
import { StreamReader } from '../shared/broker/stream-reader.ts';
import { probeSubject } from '../shared/broker/write-health.ts';
import { createLogger } from '../shared/process/log.ts';
import { get, type Replica, type System, startSystem, until } from '../tests/harness.ts';
import { cleanEnvironment } from '../tests/process.ts';
import { bundled } from '../tests/shared-bundle.ts';
import { archiveOld } from './archiver.ts';
import { encodeLine, packLines, segmentHeaders } from './segment.ts';

const stream = 'VOTES';
const all = { stream, at: { site: 'hub', sites: ['hub'] }, before: Number.POSITIVE_INFINITY };

/** Publishes messages of every kind that the stream may hold, and then enough that some stay in the stream. */
async function fill(system: System): Promise<void> {
  for (let movieId = 1; movieId <= 3; movieId++) {
    await system.publish(`catalogue.hub.movie.${movieId}`, { title: `Film ${movieId}`, genres: ['Drama'] });
  }
  const key = 'a'.repeat(32);
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true, key }, { 'ce-time': '2026-01-02T03:04:05Z' });
  await system.publish('votes.edge.1', { voterId: 'ann', liked: false }, { 'ce-time': '2026-01-02T03:04:06Z' });
  await system.publish('votes.hub.2', { voterId: 'ann', liked: true, key });
  await system.publish(probeSubject(stream), '');
  await system.publish('votes.hub.3', new Uint8Array([0xff, 0x00]));
  await system.publish('votes.hub.3', '\ufeff{"voterId":"ünï","liked":true}');
  for (let i = 0; i < 30; i++) {
    const votes = [1, 2, 3].map((movieId) => ({ movieId, voterId: `v${(i * movieId) % 17}`, liked: i % 5 > 0 }));
    await system.publish('votes.hub.batch', votes);
  }
}

async function answersOf({ url }: Replica): Promise<string> {
  const paths = [
    '/votes',
    '/ranking?by=likes',
    '/ranking?by=trending&limit=1',
    '/votes/1?voterId=ann',
    '/votes/3?voterId=v4',
  ];
  const answers = await Promise.all(paths.map(async (path) => (await get(url + path)).body));
  return JSON.stringify(answers);
}

const viewFiles = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'views')).filter((name) => name.endsWith('.sqlite'));

const stateOf = async (system: System) => (await (await system.streams()).streams.info(stream)).state;

test('a view built from archive and stream gives the same answers as one built from the stream', async () => {
  await using system = await startSystem();
  await fill(system);
  const [before] = await system.start('ranking');
  const expected = await answersOf(before);
  await until(async () => (await system.deadLetters()).length === 1, 'the dead letter');

  const { last_seq: last } = await stateOf(system);
  assert.deepEqual(await archiveOld(system.link, { ...all, before: 0 }), { messages: 0, bytes: 0 });
  const archived = await archiveOld(system.link, all);
  assert.equal(archived.messages, last - 10);
  assert.deepEqual(await archiveOld(system.link, all), { messages: 0, bytes: 0 });
  const { first_seq, last_seq, messages } = await stateOf(system);
  assert.deepEqual([first_seq, last_seq, messages], [last - 9, last, 10]);

  const [after] = await system.start('ranking');
  assert.equal(await answersOf(after), expected);
  // New votes are applied as before.
  await system.publish('votes.hub.1', { voterId: 'new', liked: true });
  await archiveOld(system.link, all);
  const likes = async ({ url }: Replica) => (await get<{ likes: number }>(`${url}/votes/1`)).body.likes;
  await until(async () => (await likes(before)) === (await likes(after)), 'both to have the vote');
  const [third] = await system.start('ranking');
  assert.equal(await answersOf(third), await answersOf(before));
  assert.equal((await system.deadLetters()).length, 1, 'no dead letter is added');
});

test('a view whose checkpoint is in the archive continues from there', async () => {
  await using system = await startSystem();
  await fill(system);
  const [stopped] = await system.start('ranking');
  await stopped.stop();
  const files = viewFiles(stopped.dataDir);
  for (let i = 0; i < 40; i++) await system.publish('votes.hub.1', { voterId: `late${i}`, liked: true });
  await archiveOld(system.link, all);
  const again = await system.startReplica('ranking', { DATA_DIR: stopped.dataDir });
  await again.ready;
  const [fresh] = await system.start('ranking');
  assert.equal(await answersOf(again as Replica), await answersOf(fresh));
  assert.deepEqual(viewFiles(again.dataDir), files, 'the file is the same');
});

test('finishes an interrupted run', async () => {
  await using system = await startSystem();
  await fill(system);
  const { jsm } = system.link;
  const lines: string[] = [];
  for (let seq = 1; seq <= 20; seq++) {
    const message = await jsm.streams.getMessage(stream, { seq });
    assert.ok(message);
    const { subject, time, data, header } = message;
    lines.push(
      encodeLine({ stream, sequence: seq, storedAt: time.getTime(), subject, headers: plainHeaders(header), data }),
    );
  }
  // The segment was stored, and half of its messages were removed.
  await publishOne(system.link, {
    subject: 'archive.hub.votes',
    data: await packLines(lines),
    headers: segmentHeaders({ first: 1, last: 20 }),
  });
  await jsm.streams.purge(stream, { seq: 11 });
  const [half] = await system.start('ranking');
  const { last_seq: last } = await stateOf(system);
  assert.equal((await archiveOld(system.link, all)).messages, last - 10 - 10);
  const { first, last: to } = (await segmentAt(jsm, archiveOf(stream), 'last')) ?? {};
  assert.deepEqual([first, to], [21, last - 10]);
  const [whole] = await system.start('ranking');
  assert.equal(await answersOf(whole), await answersOf(half));
});

test('removes from a restored stream the messages of several segments', async () => {
  await using system = await startSystem();
  await fill(system);
  const { nc, jsm } = system.link;
  const pieces: Uint8Array[] = [];
  const snapshot = await takeSnapshot(nc, stream, (piece) => pieces.push(piece.slice()));
  const { last_seq: last } = await stateOf(system);
  const middle = await jsm.streams.getMessage(stream, { seq: last - 12 });
  await archiveOld(system.link, { ...all, before: middle?.time.getTime() ?? 0 });
  await archiveOld(system.link, all);
  assert.equal((await jsm.streams.info(archiveKind)).state.messages, 2);
  await jsm.streams.delete(stream);
  await putSnapshot(nc, snapshot, pieces);
  assert.equal((await stateOf(system)).first_seq, 1);
  assert.equal((await archiveOld(system.link, all)).messages, last - 10);
  assert.equal((await jsm.streams.info(archiveKind)).state.messages, 2);
});

test('concurrent runs archive each message once', async () => {
  await using system = await startSystem();
  await fill(system);
  const { last_seq: last } = await stateOf(system);
  await Promise.all([archiveOld(system.link, all), archiveOld(system.link, all)]);
  assert.equal((await stateOf(system)).first_seq, last - 9);
  const { messages } = (await system.link.jsm.streams.info(archiveKind)).state;
  assert.equal(messages, 1);
});

test('a reader finds messages in the archive that were archived before their delivery', async () => {
  await using system = await startSystem();
  const count = 6000;
  const { nc, jsm } = system.link;
  for (let i = 1; i <= count; i++) nc.publish(`votes.hub.${i}`, '{"voterId":"ann","liked":true}');
  await until(async () => (await stateOf(system)).last_seq === count, 'all of them to be stored');
  const archiveAll = (): void => {
    const env = { ...cleanEnvironment(), ...system.environment({ VOTES_KEEP: '0s' }) };
    const { status, stderr } = spawnSync(process.execPath, [bundled('streams/archive-cli.ts')], { env });
    assert.equal(status, 0, String(stderr));
  };
  const taken: number[] = [];
  // Synchronously, so that messages that were not delivered before the other process has archived them are gone then.
  const apply = (messages: StoredMessage[]): void => {
    if (taken.length === 0) archiveAll();
    taken.push(...messages.map(({ sequence }) => sequence));
  };
  const position = (info: StreamInfo) => ({ sequence: taken.length, created: info.created });
  const replaced = (reason: string) => assert.fail(reason);
  const target = { position, apply, caughtUp() {}, replaced };
  const options = { stream, filter: 'votes.>', archive: archiveOf(stream), connection: system.connection, target };
  await using _ = new StreamReader({ ...options, log: createLogger('test', 'silent') });
  await until(() => taken.length >= count, 'all messages');
  assert.deepEqual(
    taken,
    Array.from({ length: count }, (_, index) => index + 1),
  );
  assert.ok((await jsm.streams.info(archiveKind)).state.messages > 0);
});

test('a reader has caught up with an empty stream only after applying all archived messages', async () => {
  await using system = await startSystem();
  const { jsm } = system.link;
  const lines = [1, 2, 3].map((sequence) =>
    encodeLine({ stream, sequence, storedAt: sequence, subject: 'votes.hub.1', headers: {}, data: Buffer.from('{}') }),
  );
  for (const _ of lines) await system.publish('votes.hub.1', '{}');
  const headers = segmentHeaders({ first: 1, last: 3 });
  await publishOne(system.link, { subject: 'archive.hub.votes', data: await packLines(lines), headers });
  await jsm.streams.purge(stream);
  const calls: unknown[] = [];
  const target = {
    position: (info: StreamInfo) => ({ sequence: 0, created: info.created }),
    apply: (messages: StoredMessage[]) => void calls.push(messages.map(({ sequence }) => sequence)),
    caughtUp: (_: string, sequence: number) => void calls.push(sequence),
    replaced: (reason: string) => assert.fail(reason),
  };
  const options = { stream, filter: 'votes.>', archive: archiveOf(stream), connection: system.connection, target };
  await using reader = new StreamReader({ ...options, log: createLogger('test', 'silent') });
  await until(() => calls.length >= 2, 'the reader to catch up');
  assert.deepEqual([calls[0], calls.at(-1), reader.lag], [[1, 2, 3], 3, 0]);
});

test('a missing archive is not reported as the loss of the archived stream', async () => {
  await using system = await startSystem();
  const { jsm } = system.link;
  await system.publish('votes.hub.1', '{}');
  await jsm.streams.purge(stream);
  await jsm.streams.delete(archiveKind);
  const lines: string[] = [];
  const losses: unknown[] = [];
  const target = {
    position: () => undefined,
    apply() {},
    caughtUp: () => assert.fail('it lacks messages'),
    behind: (loss?: unknown) => void losses.push(loss),
    replaced: (reason: string) => assert.fail(reason),
  };
  const options = { stream, filter: 'votes.>', archive: archiveOf(stream), connection: system.connection, target };
  const log = createLogger('test', 'warn', { write: (line) => lines.push(line) });
  await using _ = new StreamReader({ ...options, log });
  await until(() => lines.length > 0, 'a warning');
  assert.match(lines[0] ?? '', /the broker has no stream ARCHIVE/);
  assert.ok(losses.every((loss) => loss === undefined));
});

test('removes nothing when archive and stream differ', async () => {
  await using system = await startSystem();
  await fill(system);
  const store = async (headers: Record<string, string>, lines: string[]): Promise<void> => {
    await publishOne(system.link, { subject: 'archive.hub.votes', data: await packLines(lines), headers });
  };
  const line = encodeLine({
    stream,
    sequence: 1,
    storedAt: 1,
    subject: 'votes.hub.1',
    headers: {},
    data: Buffer.from('{}'),
  });
  await store(segmentHeaders({ first: 1, last: 1 }), [line]);
  await assert.rejects(archiveOld(system.link, all), /Message 1 of VOTES differs from message 1 of ARCHIVE/);
  await store(segmentHeaders({ first: 1, last: 1000 }), [line]);
  await assert.rejects(archiveOld(system.link, all), /VOTES ends before the messages in message 2 of ARCHIVE/);
  assert.equal((await stateOf(system)).first_seq, 1);
});
