import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { del, get, isWell, post, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import type { ReminderEntry } from './contract.ts';

let system: System;
let one: Replica;
let two: Replica;
let users = 0;

beforeAll(async () => {
  system = await startSystem({ ownBroker: true });
  await system.publish('catalogue.hub.movie.1', { title: 'Alien' });
  await system.publish('catalogue.hub.movie.2', { title: 'Brazil' });
  [one, two] = await system.start('reminder', 'reminder');
});
afterAll(() => system[Symbol.asyncDispose]());

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
const newUser = (): string => `user-${++users}`;

async function list(userId: string, replica = one): Promise<ReminderEntry[]> {
  return (await get<{ items: ReminderEntry[] }>(`${replica.url}/reminder/${userId}`)).body.items;
}

async function remind(userId: string, remindAt: string | null, movieId = 1): Promise<ReminderEntry> {
  const { status, body } = await post<ReminderEntry>(`${one.url}/reminder/${userId}/${movieId}`, { remindAt });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** Prepares something for a future time. Repeats it for a later time if that has passed meanwhile on a slow machine. */
async function inTime<T>(prepare: (time: string) => Promise<T>, waitMs = 1000): Promise<T> {
  const time = inMs(waitMs);
  const notPassed = (): boolean => Date.now() < Date.parse(time);
  try {
    const prepared = await prepare(time);
    if (notPassed()) return prepared;
  } catch (error) {
    if (notPassed()) throw error;
  }
  return inTime(prepare, waitMs * 2);
}

/** Returns the last message on the schedule subject of a user's reminder. */
async function scheduleOf(userId: string): Promise<{ remindAt?: string; cancelled?: true } | undefined> {
  const jsm = await system.streams();
  return (await jsm.streams.getMessage('LIBRARY', { last_by_subj: `reminders.schedule.hub.${userId}.1` }))?.json();
}

/** Returns the times of a user's due events in the stream. */
async function dueEvents(userId: string): Promise<string[]> {
  const jsm = await system.streams();
  const { state } = await jsm.streams.info('LIBRARY');
  const found: string[] = [];
  for (let seq = 1; seq <= state.last_seq; seq++) {
    const query = { seq, next_by_subj: `reminders.due.*.${userId}.>` };
    const message = await jsm.direct.getMessage('LIBRARY', query).catch(() => null);
    if (!message) break;
    found.push(message.json<{ remindAt: string }>().remindAt);
    ({ seq } = message);
  }
  return found;
}

const due = (userId: string, replica = one) =>
  until(async () => (await list(userId, replica)).find((entry) => entry.due), `a reminder of ${userId} to be due`);

/** Sets a reminder for a time after `behind`, and waits until it is due at both replicas. */
async function sentinel(behind = inMs(0)): Promise<void> {
  const userId = newUser();
  // On a slow machine, the time may have passed when the request is handled.
  await until(
    () => remind(userId, new Date(Math.max(Date.parse(behind), Date.now()) + 500).toISOString(), 2),
    'a reminder to be set',
  );
  await due(userId, one);
  await due(userId, two);
}

test('knows whether a movie exists while movies is stopped', async () => {
  const userId = newUser();
  assert.equal((await post(`${one.url}/reminder/${userId}/999`, {})).status, 404);
  assert.equal((await post(`${one.url}/watched/${userId}/1`, {})).status, 201);
});

// These tests wait for times to come and use users of their own, so they run concurrently.
describe.concurrent('while both replicas run', () => {
  test('makes a reminder due once, at its time, at every replica', async () => {
    const { userId, remindAt, body } = await inTime(async (remindAt) => {
      const userId = newUser();
      return { userId, remindAt, body: await remind(userId, remindAt) };
    });
    assert.deepEqual([body.remindAt, body.due, body.dueAt], [remindAt, false, null]);
    const entry = await due(userId);
    assert.ok(Date.now() >= Date.parse(remindAt));
    assert.deepEqual(entry, { ...body, due: true, dueAt: remindAt });
    assert.deepEqual(await due(userId, two), entry);
    await post(`${one.url}/reminder/${userId}/1`, {});
    await sentinel();
    assert.deepEqual(await list(userId), [entry]);
    assert.deepEqual(await dueEvents(userId), [remindAt]);
  });

  test('makes only the current time due after changes, cancellations, clearing and watching', async () => {
    const prepare = async (first: string) => {
      const [changed, cancelled, cleared, watched, kept] = [newUser(), newUser(), newUser(), newUser(), newUser()];
      const second = new Date(Date.parse(first) + 300).toISOString();
      for (const userId of [changed, cancelled, cleared, watched, kept]) await remind(userId, first);
      await remind(changed, second);
      await remind(cancelled, null);
      assert.equal((await del(`${two.url}/reminder/${cleared}/1`)).status, 200);
      assert.equal((await post(`${two.url}/watched/${watched}/1`, {})).status, 201);
      assert.equal((await post<ReminderEntry>(`${two.url}/reminder/${kept}/1`, {})).body.remindAt, first);
      return { changed, cancelled, cleared, watched, kept, first, second };
    };
    const { changed, cancelled, cleared, watched, kept, first, second } = await inTime(prepare);
    await sentinel(second);
    assert.deepEqual(await dueEvents(changed), [second]);
    assert.deepEqual(await dueEvents(kept), [first]);
    for (const userId of [cancelled, cleared, watched]) assert.deepEqual(await dueEvents(userId), []);
    assert.deepEqual((await list(cancelled))[0]?.due, false);
    assert.deepEqual([await list(cleared), await list(watched)], [[], []]);
  });

  test('makes a reminder due once when it is set concurrently at two replicas', async () => {
    const { userId, remindAt } = await inTime(async (remindAt) => {
      const userId = newUser();
      const statuses = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const { url } = index % 2 ? one : two;
          return (await post(`${url}/reminder/${userId}/1`, index % 4 === 0 ? {} : { remindAt })).status;
        }),
      );
      assert.deepEqual(new Set(statuses), new Set([201]));
      return { userId, remindAt };
    });
    assert.equal((await due(userId)).remindAt, remindAt);
    await sentinel();
    assert.deepEqual(await dueEvents(userId), [remindAt]);
  });

  test('keeps one of several times that are set concurrently', async () => {
    const userId = newUser();
    const times = Array.from({ length: 30 }, (_, index) => inMs(60_000 + index));
    await Promise.all(times.map((remindAt) => remind(userId, remindAt)));
    const [entry] = await list(userId);
    assert.ok(times.includes(entry?.remindAt ?? ''));
    assert.equal((await scheduleOf(userId))?.remindAt, entry?.remindAt);
  });

  test('schedules reminders that were published by hand, overdue ones at once', async () => {
    const overdue = newUser();
    const past = inMs(-3_600_000);
    const { timed, ended, remindAt } = await inTime(async (remindAt) => {
      const [timed, ended] = [newUser(), newUser()];
      await remind(ended, remindAt);
      await system.publish(`library.hub.${ended}`, { kind: 'reminderCleared', movieId: 1 });
      await system.publish(`library.hub.${timed}`, { kind: 'reminderSet', movieId: 1, remindAt });
      const isOver = async () => (await scheduleOf(ended))?.cancelled || Date.now() > Date.parse(remindAt);
      await until(isOver, 'the schedule of the cleared reminder to be cancelled');
      return { timed, ended, remindAt };
    }, 2000);
    await system.publish(`library.hub.${overdue}`, { kind: 'reminderSet', movieId: 1, remindAt: past });
    assert.equal((await due(overdue)).remindAt, past);
    assert.equal((await due(timed)).remindAt, remindAt);
    await sentinel(remindAt);
    assert.deepEqual(await dueEvents(timed), [remindAt]);
    assert.deepEqual(await dueEvents(overdue), [past]);
    assert.deepEqual(await dueEvents(ended), []);
  });

  test('schedules a reminder despite an invalid message on its due subject', async () => {
    const user = newUser();
    await system.publish(`reminders.due.hub.${user}.1`, 'oops');
    await system.publish(`library.hub.${user}`, { kind: 'reminderSet', movieId: 1, remindAt: inMs(1000) });
    await due(user);
  });

  test('restores a lost schedule', async () => {
    const jsm = await system.streams();
    const userId = await inTime(async (remindAt) => {
      const user = newUser();
      await remind(user, remindAt);
      await jsm.streams.purge('LIBRARY', { filter: `reminders.schedule.hub.${user}.1` });
      return user;
    });
    await due(userId);
    await sentinel();
    assert.equal((await dueEvents(userId)).length, 1);
  });
});

test('makes reminders due once after broker and service were killed before their time', async () => {
  const { waiting, overdue, cancelled, changed, soon, later } = await inTime(async (soon) => {
    const [waiting, overdue, cancelled, changed] = [newUser(), newUser(), newUser(), newUser()];
    const later = new Date(Date.parse(soon) + 1500).toISOString();
    await remind(overdue, soon);
    await remind(waiting, later);
    await remind(cancelled, later);
    await remind(cancelled, null);
    await remind(changed, later);
    await remind(changed, inMs(3_600_000));
    return { waiting, overdue, cancelled, changed, soon, later };
  });
  await system.killBroker();
  await until(
    async () => (await get<{ degraded: boolean }>(`${one.url}/readyz`)).body.degraded,
    'the loss of the broker to be noticed',
  );
  assert.equal((await post(`${one.url}/reminder/${waiting}/2`, {})).status, 503);
  await one.stop();
  await until(() => Date.now() > Date.parse(soon), 'the first time to pass');
  await system.restartBroker();
  one = await system.startReplica('reminder', { DATA_DIR: one.dataDir });
  await one.ready;

  assert.equal((await due(overdue)).remindAt, soon);
  assert.equal((await due(waiting)).remindAt, later);
  await until(() => isWell(two.url), 'the other replica to recover');
  await sentinel();
  assert.deepEqual(await dueEvents(overdue), [soon]);
  assert.deepEqual(await dueEvents(waiting), [later]);
  assert.deepEqual(await dueEvents(cancelled), []);
  assert.deepEqual(await dueEvents(changed), []);
});

test('rebuilds a deleted view with due reminders without scheduling them again', async () => {
  const lists = async () => (await get(`${one.url}/reminder?limit=500`)).body;
  const before = await lists();
  const jsm = await system.streams();
  const { last_seq } = (await jsm.streams.info('LIBRARY')).state;
  const { dataDir } = one;
  await one.stop();
  await rm(join(dataDir, 'views'), { recursive: true });
  one = await system.startReplica('reminder', { DATA_DIR: dataDir });
  await one.ready;
  assert.deepEqual(await lists(), before);
  assert.equal((await jsm.streams.info('LIBRARY')).state.last_seq, last_seq);
});
