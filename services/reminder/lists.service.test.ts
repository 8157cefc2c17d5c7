import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { del, get, post, type Replica, type System, startSystem, until } from '../../tests/harness.ts';
import { movies } from '../movies/contract.ts';
import type { ReminderEntry, WatchedEntry } from './contract.ts';
import { reminder } from './contract.ts';

interface Page<T> {
  items: T[];
  next: string | null;
}

let system: System;
let url: string;
let replica: Replica;

beforeAll(async () => {
  system = await startSystem();
  [replica] = await system.start('reminder', 'movies');
  ({ url } = replica);
  const titles = ['Alien', 'Brazil', 'Casablanca', 'Dune', 'Eraserhead'];
  const added = titles.map((title, index) => ({ movieId: index + 1, title, genres: [] }));
  await system.caller.ask(movies.import, { movies: added }, { timeoutMs: 20_000 });
});
afterAll(() => system[Symbol.asyncDispose]());

const reminders = async (path: string) => (await get<Page<ReminderEntry>>(`${url}${path}`)).body;
const watched = async (path: string) => (await get<Page<WatchedEntry>>(`${url}${path}`)).body;

test('returns empty lists for a user without entries', async () => {
  assert.deepEqual(await reminders('/reminder/nobody'), { items: [], next: null });
  assert.deepEqual(await watched('/watched/nobody'), { items: [], next: null });
});

test('answers 201 with the entry, and lists entries newest first in pages', async () => {
  for (const movieId of [3, 1, 2]) {
    const { status, body } = await post<ReminderEntry>(`${url}/reminder/ann/${movieId}`, {});
    assert.equal(status, 201);
    assert.deepEqual(
      { ...body, addedAt: '' },
      {
        userId: 'ann',
        movieId,
        title: ['Alien', 'Brazil', 'Casablanca'][movieId - 1],
        addedAt: '',
        remindAt: null,
        due: false,
        dueAt: null,
      },
    );
  }
  const all = await reminders('/reminder/ann');
  assert.deepEqual(
    all.items.map(({ movieId, title }) => [movieId, title]),
    [
      [2, 'Brazil'],
      [1, 'Alien'],
      [3, 'Casablanca'],
    ],
  );
  const first = await reminders('/reminder/ann?limit=2');
  const second = await reminders(`/reminder/ann?limit=2&cursor=${first.next}`);
  assert.deepEqual([...first.items, ...second.items], all.items);
  assert.equal(second.next, null);
  const other = await get(`${url}/reminder/bob?cursor=${first.next}`);
  assert.equal(other.status, 400);
});

test('keeps one entry when a movie is added repeatedly and concurrently', async () => {
  const { body } = await post<ReminderEntry>(`${url}/reminder/twice/1`, {});
  const repeats = await Promise.all(Array.from({ length: 40 }, () => post(`${url}/reminder/twice/1`, {})));
  assert.deepEqual(new Set(repeats.map(({ status }) => status)), new Set([201]));
  assert.deepEqual((await reminders('/reminder/twice')).items, [body]);
});

test('answers 200 and then 404 when an entry is removed twice', async () => {
  await post(`${url}/reminder/off/1`, {});
  assert.equal((await del(`${url}/reminder/off/1`)).status, 200);
  assert.equal((await del(`${url}/reminder/off/1`)).status, 404);
  assert.deepEqual((await reminders('/reminder/off')).items, []);
});

test('moves a watched movie off the watch-later list, and removes it again with unwatch', async () => {
  await post(`${url}/reminder/w/1`, {});
  await post(`${url}/reminder/w/2`, {});
  const { status, body } = await post<WatchedEntry>(`${url}/watched/w/1`, {});
  assert.equal(status, 201);
  assert.equal(body.title, 'Alien');
  assert.equal((await post(`${url}/watched/w/1`, {})).status, 201);
  assert.deepEqual((await watched('/watched/w')).items, [body]);
  assert.deepEqual(
    (await reminders('/reminder/w')).items.map(({ movieId }) => movieId),
    [2],
  );
  const entry = await system.caller.ask(reminder.entry, { userId: 'w', movieId: 1 }, { timeoutMs: 20_000 });
  assert.deepEqual([entry.reminder, entry.watched], [null, true]);
  assert.equal((await del(`${url}/watched/w/1`)).status, 200);
  assert.equal((await del(`${url}/watched/w/1`)).status, 404);
});

test('lists the entries of all users', async () => {
  await post(`${url}/reminder/all-a/4`, {});
  await post(`${url}/reminder/all-b/4`, {});
  await post(`${url}/watched/all-a/5`, {});
  const listed: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const page: Page<ReminderEntry> = await reminders(`/reminder?limit=2${next && `&cursor=${next}`}`);
    listed.push(...page.items.map(({ userId, movieId }) => `${userId}/${movieId}`));
    ({ next } = page);
  }
  assert.deepEqual(listed.slice(0, 2), ['all-b/4', 'all-a/4']);
  assert.equal(new Set(listed).size, listed.length);
  assert.equal((await watched('/watched')).items[0]?.userId, 'all-a');
});

test('answers 404 for an unknown movie, and 201 for one that was just added', async () => {
  assert.equal((await post(`${url}/reminder/x/999`, {})).status, 404);
  assert.equal((await post(`${url}/watched/x/999`, {})).status, 404);
  for (let movieId = 100; movieId < 110; movieId++) {
    await system.caller.ask(movies.add, { movieId, title: `New ${movieId}` }, { timeoutMs: 20_000 });
    assert.equal((await post(`${url}/reminder/x/${movieId}`, {})).status, 201);
  }
});

test('shows no title for a removed movie', async () => {
  await system.caller.ask(movies.add, { movieId: 200, title: 'Gone' }, { timeoutMs: 20_000 });
  await post(`${url}/reminder/gone/200`, {});
  await system.caller.ask(movies.remove, { movieId: 200 }, { timeoutMs: 20_000 });
  await until(async () => (await reminders('/reminder/gone')).items[0]?.title === null, 'the title to disappear');
  assert.equal((await post(`${url}/reminder/gone/200`, {})).status, 404);
  assert.equal((await del(`${url}/reminder/gone/200`)).status, 200);
});

test('answers 400 with the name of the field for invalid input', async () => {
  for (const remindAt of ['yesterday', '2020-01-01T00:00:00Z', '2099-01-01T00:00:00Z', '2030-01-01', 5]) {
    const { status, body } = await post<{ fields: { field: string }[] }>(`${url}/reminder/x/1`, { remindAt });
    assert.deepEqual([status, body.fields.map(({ field }) => field)], [400, ['remindAt']], String(remindAt));
  }
  assert.equal((await post(`${url}/reminder/x/abc`, {})).status, 400);
  assert.equal((await post(`${url}/reminder/${'x'.repeat(256)}/1`, {})).status, 400);
  assert.equal((await post(`${url}/reminder/%ff/1`, {})).status, 400);
});

test('applies valid events that were published by hand, and dead-letters invalid ones', async () => {
  await system.publish('library.hub.hand', { kind: 'reminderSet', movieId: 1 });
  await system.publish('library.hub.hand', { kind: 'watched', movieId: 2 });
  await until(async () => (await watched('/watched/hand')).items.length === 1, 'the watched movie');
  assert.equal((await reminders('/reminder/hand')).items[0]?.title, 'Alien');
  const letters = (await system.deadLetters()).length;
  await system.publish('library.hub.hand', { kind: 'reminderSet', movieId: 1, remindAt: 'soon' });
  await system.publish('library.hub.a|b', { kind: 'reminderSet', movieId: 1 });
  await system.publish(`library.hub.${'x'.repeat(256)}`, { kind: 'reminderSet', movieId: 1 });
  await system.publish('library.hub.a=7Cb', { kind: 'reminderSet', movieId: 1 });
  await until(async () => (await system.deadLetters()).length === letters + 3, 'the dead letters');
  await until(async () => (await reminders('/reminder/a%7Cb')).items.length === 1, 'the encoded user id');
});

test('rebuilds the same view after it was deleted', async () => {
  const lists = async () => [await reminders('/reminder?limit=500'), await watched('/watched?limit=500')];
  const before = await lists();
  const { dataDir } = replica;
  await replica.stop();
  await rm(join(dataDir, 'views'), { recursive: true });
  const again = await system.startReplica('reminder', { DATA_DIR: dataDir });
  await again.ready;
  ({ url } = again);
  assert.deepEqual(await lists(), before);
});
