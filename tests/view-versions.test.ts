import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { z } from 'zod';
import { operation } from '../shared/operations/operation.ts';
import { defineService } from '../shared/service.ts';
import type { Database } from '../shared/views/database.ts';
import { get, startSystem, until } from './harness.ts';

const operations = {
  count: operation({
    subject: 'counters.count',
    method: 'GET',
    path: '/count',
    access: 'public',
    summary: 'What a version of the view has counted',
    input: z.object({}),
    output: z.object({ version: z.int(), count: z.int() }),
    example: {},
  }),
};

/** A small service whose view counts each movie `version` times, so that versions have different rows. */
function counters(version: number) {
  return defineService({
    name: 'counters',
    description: 'Counts movies',
    port: 0,
    operations,
    events: [],
    source: new URL(`./counters/service.ts?version=${version}`, import.meta.url).href,
    queries: (db: Database) => {
      const count = db.$client.prepare<[], { count: number; version: number }>('SELECT count, version FROM counters');
      return { count: () => count.get() as { count: number; version: number } };
    },
    handlers: ({ view }) => ({ count: () => view.queries.count() }),
  });
}

test('the older version of a view answers until the new one is built, and is then removed', async () => {
  await using system = await startSystem({ ownBroker: true });
  for (let movieId = 1; movieId <= 30; movieId++) {
    await system.publish(`catalogue.hub.movie.${movieId}`, { title: `Film ${movieId}` });
  }
  const config = system.config({ DATA_DIR: join(system.folder, 'counters') });
  {
    await using first = await counters(1)(config);
    await first.ready;
    assert.deepEqual((await get(`${first.url}/count`)).body, { version: 1, count: 30 });
  }
  // Without the broker the new version cannot be built.
  await system.killBroker();
  await using second = await counters(2)(config);
  assert.deepEqual((await get(`${second.url}/count`)).body, { version: 1, count: 30 });
  await system.restartBroker();
  await until(
    async () => (await get<{ version: number }>(`${second.url}/count`)).body.version === 2,
    'the new version',
  );
  assert.deepEqual((await get(`${second.url}/count`)).body, { version: 2, count: 60 });
  const files = () => readdirSync(join(config.dataDir, 'views')).filter((file) => file.endsWith('.sqlite'));
  await until(() => files().length === 1, 'the old file to be removed');
  assert.match(files()[0] ?? '', /^counters\.v2\.\w+\.sqlite$/);
});
