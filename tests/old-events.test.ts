/** New code on old data: events of every released version stay readable and keep their meaning. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { services } from '../services/index.ts';
import { EventReader } from '../shared/broker/event-codec.ts';
import { get, put, startSystem, until } from './harness.ts';

interface Fixture {
  version: string;
  stream: string;
  subject: string;
  headers: Record<string, string>;
  payload: unknown;
}

const folder = join(import.meta.dirname, 'fixtures');
const versions = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());

const fixtures: Fixture[] = versions.flatMap(({ name: version }) =>
  readdirSync(join(folder, version)).flatMap((file) =>
    readFileSync(join(folder, version, file), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => ({
        version,
        stream: file.replace('.jsonl', ''),
        ...(JSON.parse(line) as Omit<Fixture, 'stream' | 'version'>),
      })),
  ),
);

const types = services.flatMap(({ events }) => events);

test('the fixtures have every event type', () => {
  for (const type of types) {
    const reader = new EventReader([type]);
    const fitting = fixtures.filter(({ stream, subject, headers, payload }) => {
      if (stream !== type.stream || headers['ce-type'] !== type.type) return false;
      const data = new TextEncoder().encode(JSON.stringify(payload));
      try {
        return reader.read({ stream, subject, sequence: 1, storedAt: 0, headers, data });
      } catch {
        return false;
      }
    });
    assert.ok(fitting.length > 0, `tests/fixtures has an event ${type.type} on ${type.subject}`);
  }
});

test('all events of version 1 are applied with their original meaning', async () => {
  await using system = await startSystem();
  const jsm = await system.streams();
  // As in version 1, when edges wrote the catalogue, too.
  const { config } = await jsm.streams.info('CATALOGUE');
  await jsm.streams.update('CATALOGUE', { ...config, subjects: ['catalogue.>'] });
  for (const { version, subject, headers, payload } of fixtures) {
    if (version === 'v1') await system.publish(subject, payload, headers);
  }
  await jsm.streams.update('CATALOGUE', config);
  const [movies, ranking, reminder, support, orders] = await system.start(
    'movies',
    'ranking',
    'reminder',
    'support',
    'technical-support',
  );
  await until(async () => {
    const { body } = await get<{ orderId: string | null }>(`${support.url}/support/bob/open-1`);
    return body.orderId;
  }, 'the order of the ticket that was left open');
  assert.deepEqual(await system.deadLetters(), []);

  const itemsOf = async <T>(url: string): Promise<T[]> => (await get<{ items: T[] }>(url)).body.items;
  const titles = (await itemsOf<{ movieId: number; title: string }>(`${movies.url}/movies`)).map(
    ({ movieId, title }) => `${movieId} ${title}`,
  );
  assert.deepEqual(titles, ['1 The Lighthouse Keeper', '2 Known at the Edge', '4 By Hand']);
  const { revision: _, likes, ...first } = (await get(`${movies.url}/movies/1`)).body;
  const known = fixtures.find(({ stream }) => stream === 'CATALOGUE')?.payload as object;
  const unknown = { alternativeTitles: [], posterUrl: null, country: '', language: '' };
  assert.deepEqual(first, { movieId: 1, ...unknown, ...known });
  assert.equal(likes, 2);
  // The last event of movie 2 is another site's.
  const { status, body } = await put(`${movies.url}/movies/2`, { title: 'Changed' });
  assert.equal(status, 200, JSON.stringify(body));

  const votes = await itemsOf<{ movieId: number; likes: number }>(`${ranking.url}/votes`);
  assert.deepEqual(
    votes.map((vote) => [vote.movieId, vote.likes]),
    [
      [1, 2],
      [2, 1],
      [4, 1],
    ],
  );

  type Entry = { userId: string; movieId: number; remindAt: string | null; due: boolean; dueAt: string | null };
  const reminders = await itemsOf<Entry>(`${reminder.url}/reminder/alice`);
  assert.deepEqual(
    reminders.map(({ movieId, remindAt, dueAt }) => ({ movieId, remindAt, dueAt })),
    [
      { movieId: 2, remindAt: '2026-01-05T12:00:00.000Z', dueAt: '2026-01-05T12:00:00.000Z' },
      { movieId: 1, remindAt: '2099-01-31T20:00:00.000Z', dueAt: null },
    ],
  );
  assert.equal((await itemsOf<Entry>(`${reminder.url}/reminder/carol`))[0]?.remindAt, null);
  const watched = await itemsOf<Entry>(`${reminder.url}/watched`);
  assert.deepEqual(
    watched.map(({ userId, movieId }) => ({ userId, movieId })),
    [{ userId: 'bob', movieId: 1 }],
  );

  type Ticket = { ticketId: string; state: string; assignee: string | null; resolution: string | null };
  const tickets = await itemsOf<Ticket>(`${support.url}/support/alice`);
  assert.deepEqual(
    tickets.map(({ ticketId, state, assignee, resolution }) => ({ ticketId, state, assignee, resolution })),
    [
      { ticketId: 'resolved-2', state: 'resolved', assignee: null, resolution: null },
      { ticketId: 'resolved-1', state: 'resolved', assignee: 'sam', resolution: 'Replaced the file.' },
    ],
  );
  assert.equal((await get(`${support.url}/support/bob/cancelled-1`)).body.state, 'cancelled');
  const shown = (await itemsOf<Ticket>(`${orders.url}/orders`)).map(({ ticketId }) => ticketId);
  assert.deepEqual(shown, ['open-1', 'resolved-2', 'resolved-1']);
});
