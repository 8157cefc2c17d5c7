import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { sendDeadLetter } from '../shared/broker/dead-letters.ts';
import type { StoredMessage } from '../shared/broker/event-codec.ts';
import { openForReading } from '../shared/views/database.ts';
import { get, type Replica, type System, startSystem, until } from '../tests/harness.ts';
import { DeadLetterAdmin, type WaitingLetter } from './dead-letter-admin.ts';

let system: System;
let desk: Replica;

beforeAll(async () => {
  system = await startSystem();
  [desk] = await system.start('support');
});
afterAll(() => system[Symbol.asyncDispose]());

/** Runs the command. */
async function run(args: string[], env: Record<string, string> = {}) {
  const program = system.program('streams/deadletters-cli.ts', args, env);
  return { status: await program.ended, stdout: program.stdout, stderr: program.stderr };
}

/** Does what the command does, without a process each time. */
const admin = (): DeadLetterAdmin => new DeadLetterAdmin(system.link);

async function list(): Promise<WaitingLetter[]> {
  const letters: WaitingLetter[] = [];
  for await (const letter of admin().list()) letters.push(letter);
  return letters;
}

/** Publishes a message that support cannot process, and returns its dead letter. */
async function fail(ticketId: string, body: string | Uint8Array, headers = {}): Promise<WaitingLetter> {
  const subject = `support.hub.${ticketId}.resolved`;
  await system.publish(subject, body, headers);
  return until(async () => (await list()).find((letter) => letter.subject === subject), 'the dead letter');
}

const counted = (letters: number) =>
  until(
    async () => (await get<{ deadLetters: number }>(`${desk.url}/readyz`)).body.deadLetters === letters,
    `${letters} dead letters in /readyz`,
  );
const closedOf = async (seq: number) => {
  const jsm = await system.streams();
  return jsm.streams.getMessage('DEADLETTERS', { seq });
};

const sender = (name: string) => ({ link: system.link, name, sites: { site: 'hub', sites: ['hub'] } });

test('replays a dead letter to a version that can process it', async () => {
  assert.deepEqual(JSON.parse((await run(['list', '--json'])).stdout), []);
  assert.equal((await run(['list'])).stdout, 'No dead letters.\n');
  const headers = { 'ce-type': 'marquee.ticket.resolved.v1', 'ce-id': 'fact-1', 'Nats-Msg-Id': 'fact-1' };
  const message: StoredMessage = {
    stream: 'SUPPORT',
    subject: 'support.hub.early.resolved',
    sequence: 4711,
    storedAt: Date.now(),
    headers,
    data: Buffer.from('{"resolution":"done"}'),
  };
  const created = new Date().toISOString();
  await sendDeadLetter(sender('support'), { message, created, reason: 'Unknown type.', attempts: 1 });
  const [letter] = (await list()) as [WaitingLetter];
  assert.deepEqual([letter.stream, letter.consumer, letter.sequence], ['SUPPORT', 'support', 4711]);
  assert.match((await run(['list'])).stdout, new RegExp(`^ +${letter.seq} .* support\\.hub\\.early\\.resolved `));
  const shown = await run(['show', String(letter.seq)]);
  assert.equal(shown.status, 0);
  for (const text of ['Unknown type.', 'ce-id: fact-1', '{"resolution":"done"}']) {
    assert.ok(shown.stdout.includes(text), text);
  }
  const { headers: _h, data: _d, ...listed } = letter;
  assert.deepEqual(JSON.parse((await run(['list', '--json'])).stdout), [listed]);
  assert.equal(JSON.parse((await run(['show', String(letter.seq), '--json'])).stdout).data, '{"resolution":"done"}');
  await counted(1);

  await system.publish('support.hub.early.opened', '{"userId":"1","message":"x"}');
  await system.publish('support.hub.early.acknowledged', '{"orderId":"o1"}');
  const replayed = await run(['replay', String(letter.seq), '--json']);
  assert.equal(replayed.status, 0, replayed.stderr);
  const { state, sequence } = JSON.parse(replayed.stdout) as { state: string; sequence: number };
  assert.equal(state, 'replayed');
  await until(
    async () => (await get(`${desk.url}/support/1/early`)).body.resolution === 'done',
    'the replayed fact in the view',
  );
  const again = await (await system.streams()).streams.getMessage('SUPPORT', { seq: sequence });
  assert.equal(again?.header.get('ce-id'), 'fact-1');
  assert.notEqual(again?.header.get('Nats-Msg-Id'), 'fact-1');
  assert.deepEqual(await list(), []);
  await counted(0);

  const twice = await run(['replay', String(letter.seq)]);
  const already = `Dead letter ${letter.seq} was already replayed or dropped.`;
  assert.deepEqual([twice.status, twice.stderr], [1, `${already}\n`]);
  for (const close of ['drop', 'replay', 'get'] as const)
    await assert.rejects(admin()[close](letter.seq), { code: 'not_found', message: already });
});

test('a dropped letter stays dropped when a view is rebuilt', async () => {
  const letter = await fail('gone', 'no JSON');
  const dropped = await run(['drop', String(letter.seq)]);
  assert.deepEqual([dropped.status, dropped.stdout], [0, `Dead letter ${letter.seq} was dropped.\n`]);
  assert.equal(await closedOf(letter.seq), null);
  assert.deepEqual(await list(), []);

  // A new replica reads the same message, and adds no dead letter.
  const [other] = await system.start('support');
  const views = join(other.dataDir, 'views');
  const file = readdirSync(views).find((name) => name.endsWith('.sqlite'));
  const db = openForReading(join(views, file ?? 'none'));
  try {
    await until(() => !db.$client.prepare('SELECT 1 FROM view_outbox').get(), 'the new replica to be done with it');
  } finally {
    db.$client.close();
  }
  assert.deepEqual(await list(), []);
});

test('replays a binary message unchanged', async () => {
  const bytes = new Uint8Array([0xff, 0x00, 0xfe]);
  const letter = await fail('bytes', bytes);
  assert.match((await run(['show', String(letter.seq)])).stdout, /\(base64\) \/wD\+/);
  const { sequence = 0 } = await admin().replay(letter.seq);
  const again = await (await system.streams()).streams.getMessage('SUPPORT', { seq: sequence });
  assert.deepEqual(again?.data, bytes);
  // The message fails again.
  const next = await until(
    async () => (await list()).find(({ subject }) => subject === letter.subject),
    'a new letter',
  );
  assert.equal(next.sequence, sequence);
  await admin().drop(next.seq);
});

test('a letter stays open when its stream does not store the replay', async () => {
  const message: StoredMessage = {
    stream: 'NOWHERE',
    subject: 'nowhere.at.all',
    sequence: 1,
    storedAt: Date.now(),
    headers: {},
    data: new Uint8Array(),
  };
  const created = new Date().toISOString();
  await sendDeadLetter(sender('test'), { message, created, reason: 'x', attempts: 1 });
  const [letter] = await list();
  const refused = await run(['replay', String(letter?.seq)]);
  assert.deepEqual(
    [refused.status, refused.stderr],
    [1, 'NOWHERE did not store it: The stream is not available at the moment.\n'],
  );
  assert.equal((await list()).length, 1);
  await admin().drop(letter?.seq ?? 0);
});

test('lists letters that cannot be read with the others, and drops them', async () => {
  for (const [index, body] of ['', 'null', '{"failedAt":"soon"}'].entries()) {
    const subject = `deadletters.SUPPORT.support.${index}-1.failed`;
    const seq = await system.publish(subject, body);
    const letter = (await list()).find((one) => one.seq === seq) as WaitingLetter;
    assert.deepEqual([letter.stream, letter.consumer, letter.subject], ['SUPPORT', 'support', subject], body);
    assert.match(letter.reason, /cannot be read/);
    await assert.rejects(admin().replay(seq), { code: 'conflict', message: /drop it/ });
    await admin().drop(seq);
  }
  assert.deepEqual(await list(), []);
});

// Concurrent with the next test, which mostly waits and does not change dead letters.
test.concurrent('reports errors by message and exit status', async () => {
  const missing = await run(['show', '999']);
  assert.deepEqual([missing.status, missing.stderr], [1, 'There is no dead letter 999.\n']);
  const wrong = [[], ['explode'], ['show', '0'], ['list', '1'], ['drop', '1', '2'], ['list', '--no']];
  await Promise.all(
    wrong.map(async (args) => {
      const { status, stdout, stderr } = await run(args);
      assert.deepEqual([status, stdout], [2, ''], args.join(' '));
      assert.match(stderr, /Usage: npm run deadletters/);
    }),
  );
  assert.match((await run(['--help'])).stdout, /^Usage/);
});

test.concurrent('gives up on a broker that is away, or accepts connections but does not answer', async () => {
  await using broker = createServer().listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const url = `nats://127.0.0.1:${(broker.address() as AddressInfo).port}`;
  const message = (at: string): string => `no broker answers at ${at}: is Marquee running? (npm start)\n`;
  await Promise.all(
    ['nats://127.0.0.1:1', url].map(async (NATS_URL) => {
      const env = { NATS_URL, REQUEST_TIMEOUT_MS: '300' };
      const streams = system.program('streams/apply.ts', [], env);
      const { status, stderr } = await run(['list'], env);
      const statuses = [status, await streams.ended];
      assert.deepEqual([statuses, stderr, streams.stderr], [[1, 1], message(NATS_URL), message(NATS_URL)]);
    }),
  );
});

test('does not replay another message that has the sequence of a lost one', async () => {
  const sequence = await system.publish('support.hub.reused.opened', '{"userId":"1","message":"x"}');
  const letter = { stream: 'SUPPORT', consumer: 'support', sequence, reason: 'x', attempts: 1, headers: {} };
  const failures = { other: new Date().toISOString(), reused: '2026-01-01T00:00:00.000Z' };
  for (const [ticketId, failedAt] of Object.entries(failures)) {
    const subject = `support.hub.${ticketId}.opened`;
    const lost = { ...letter, subject, failedAt, bodyIsInStream: true };
    const seq = await system.publish(`deadletters.SUPPORT.support.${ticketId}-1.failed`, lost);
    const detail = `Message ${sequence} is no longer in SUPPORT.`;
    await assert.rejects(admin().replay(seq), { code: 'conflict', message: detail }, subject);
    await admin().drop(seq);
  }
});

test('a message too large for a letter is replayed from its stream, and does not delay others', async () => {
  const large = await admin().get((await fail('large', Buffer.alloc(900_000, 0xff), { 'ce-id': 'large-1' })).seq);
  assert.deepEqual([large.bodyIsInStream, large.dataBase64, large.headers], [true, undefined, {}]);
  assert.equal((await fail('behind', 'small')).data, 'small');
  assert.match((await run(['show', String(large.seq)])).stdout, /too large: see message \d+ of SUPPORT/);
  const { sequence = 0 } = await admin().replay(large.seq);
  const again = await (await system.streams()).streams.getMessage('SUPPORT', { seq: sequence });
  assert.deepEqual([again?.data.length, again?.header.get('ce-id')], [900_000, 'large-1']);
});
