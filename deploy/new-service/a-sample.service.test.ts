/** Runs the whole service against a real broker. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { get, startSystem, until } from '../../tests/harness.ts';
import { startASample } from './service.ts';

test('returns the latest title of a movie, and 404 before it is added and after it is removed', async () => {
  await using system = await startSystem();
  const service = await system.startReplica('a-sample', { A_SAMPLE_PORT: '0' }, startASample);
  await service.ready;
  const getMovie = () => get<{ title?: string }>(`${service.url}/a-sample/1`);
  assert.equal((await getMovie()).status, 404);
  await system.publish('catalogue.hub.movie.1', { title: 'Alien', genres: ['Horror'] });
  await until(async () => (await getMovie()).body.title === 'Alien', 'the title');
  await system.publish('catalogue.hub.movie.1', { title: 'Aliens', genres: ['Horror'] });
  await until(async () => (await getMovie()).body.title === 'Aliens', 'the new title');
  await system.publish('catalogue.hub.movie.1', { removed: true });
  await until(async () => (await getMovie()).status === 404, 'the movie to be removed');
});
