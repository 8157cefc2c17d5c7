/** Runs the whole service against a real broker. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { RunningService } from '../../shared/host.ts';
import { get, type System, startSystem, until } from '../../tests/harness.ts';
import { startASample } from './service.ts';

let system: System;
let service: RunningService;

beforeAll(async () => {
  system = await startSystem();
  service = await startASample(system.config({ A_SAMPLE_PORT: '0' }));
  await service.ready;
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

test('returns the latest title of a movie, and 404 before it is added and after it is removed', async () => {
  const getMovie = () => get<{ title?: string }>(`${service.url}/a-sample/1`);
  assert.equal((await getMovie()).status, 404);
  await system.publish('catalogue.hub.movie.1', { title: 'Alien', genres: ['Horror'] });
  await until(async () => (await getMovie()).body.title === 'Alien', 'the title');
  await system.publish('catalogue.hub.movie.1', { title: 'Aliens', genres: ['Horror'] });
  await until(async () => (await getMovie()).body.title === 'Aliens', 'the new title');
  await system.publish('catalogue.hub.movie.1', { removed: true });
  await until(async () => (await getMovie()).status === 404, 'the movie to be removed');
});
