/** After the loss of the broker's store all services report it, and no view is emptied before an operator decides. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { get, isWell, post, startSystem, until } from './harness.ts';

interface Ready {
  status: string;
  degraded: boolean;
  problems?: string[];
}

test('/readyz of services and gateway report a lost store, and streams are only recreated on request', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [movies, gateway] = await system.start('movies', 'gateway');
  const title = async (): Promise<unknown> => (await get(`${movies.url}/movies/1`)).body.title;
  assert.equal((await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien' })).status, 201);
  await system.killBroker();
  rmSync(join(system.folder, 'nats'), { recursive: true });
  await system.restartBroker();
  await until(() => system.connection.connected, 'the connection');

  const lost = /lost the stream CATALOGUE.*npm run restore.*npm run streams -- --new/;
  for (const { url } of [movies, gateway]) {
    const reported = async (): Promise<boolean> => {
      const { body } = await get<Ready>(`${url}/readyz`);
      return body.degraded && lost.test(body.problems?.join() ?? '');
    };
    await until(reported, `${url} to report the lost store`);
  }
  assert.equal(await title(), 'Alien', 'queries are answered');
  const refused = await post<{ code: string; detail: string }>(`${movies.url}/movies`, { movieId: 2, title: 'Aliens' });
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.match(JSON.stringify(refused.body), lost);

  const plain = system.program('streams/apply.ts', []);
  assert.equal(await plain.ended, 1);
  assert.match(plain.stderr, /Nothing was changed\.\n.*lost the stream CATALOGUE/);
  assert.deepEqual(await (await system.streams()).streams.names().next(), []);

  const anew = system.program('streams/apply.ts', ['--new'], { LOG_LEVEL: 'info' });
  assert.equal(await anew.ended, 0, anew.stderr);
  for (const { url } of [movies, gateway]) {
    await until(() => isWell(url), `${url} to be ready`);
  }
  assert.equal((await get(`${movies.url}/movies/1`)).status, 404);
  assert.equal((await post(`${gateway.url}/movies`, { movieId: 1, title: 'Alien again' })).status, 201);
  assert.equal(await title(), 'Alien again');
});
