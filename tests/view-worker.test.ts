/** Views whose worker thread exits, cannot open them, or is disconnected. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { createLogger } from '../shared/process/log.ts';
import { View } from '../shared/views/view.ts';
import { type System, startSystem, until } from './harness.ts';
import { openToyView } from './toy-view.ts';

/** Returns the only database in a folder. */
function fileIn(folder: string): string {
  const [file, ...others] = readdirSync(folder).filter((name) => name.endsWith('.sqlite'));
  assert.deepEqual(others, []);
  return join(folder, file ?? 'none');
}

/** A module that ends the worker thread when it is loaded. */
const ends = new URL('data:text/javascript,process.exit(1)');

/** Opens a view with the projections of a module, which may fail. */
function openModule(system: System, module: URL, log = createLogger('nothing', 'silent')): View<unknown> {
  return new View({
    name: 'nothing',
    folder: join(system.folder, 'views'),
    config: system.config(),
    telemetry: system.connection.telemetry,
    log,
    definition: { module, open: () => ({}) },
  });
}

test('a worker thread that exits is restarted, and each of its views continues', async () => {
  await using system = await startSystem();
  const vote = (voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });
  const folder = join(system.folder, 'other');
  await using view = openToyView(system, { rows: { crash: join(system.folder, 'crashed') } });
  await using other = openToyView(system, { folder });
  await vote('ann');
  await Promise.all([view.ready, other.ready]);
  const files = ['views', 'other'].map((name) => fileIn(join(system.folder, name)));
  const before = files.map((file) => statSync(file).ino);
  const { lost } = view;
  await vote('crash');
  await Promise.all([lost, other.lost]);
  assert.throws(() => view.queries, { code: 'unavailable' });
  const last = await vote('bob');
  assert.deepEqual(await Promise.all([view, other].map((one) => one.waitFor('VOTES', last, 20_000))), [true, true]);
  for (const one of [view, other]) assert.deepEqual(one.queries.voters(), ['ann', 'crash', 'bob']);
  await until(() => view.caughtUp && other.caughtUp, 'both to have caught up');
  const inodes = files.map((file) => statSync(file).ino);
  assert.deepEqual(inodes, before, 'the files are kept, not rebuilt');
});

test('a worker thread that exits before it has opened a view is restarted without blocking the start', async () => {
  await using system = await startSystem();
  const lines: string[] = [];
  const log = createLogger('nothing', 'error', { write: (line) => lines.push(line) });
  await using view = openModule(system, ends, log);
  await view.opened;
  assert.throws(() => view.queries, { code: 'unavailable' });
  await until(() => lines.filter((line) => line.includes('restarting it')).length >= 2, 'the worker to exit twice');
});

test('reopening a view is retried until it succeeds', async () => {
  await using system = await startSystem();
  await using view = openToyView(system, { rows: { crash: join(system.folder, 'crashed') } });
  await view.ready;
  const folder = join(system.folder, 'views');
  renameSync(folder, `${folder}-away`);
  writeFileSync(folder, 'a file in place of the folder');
  const { lost } = view;
  const last = await system.publish('votes.hub.1', { voterId: 'crash', liked: true });
  await lost;
  const { logFile } = system.config();
  const refusals = (): number =>
    readFileSync(logFile as string, 'utf8').split('opening the view file failed; retrying').length;
  await until(() => refusals() > 2, 'two retries');
  rmSync(folder);
  renameSync(`${folder}-away`, folder);
  assert.equal(await view.waitFor('VOTES', last, 20_000), true);
  assert.deepEqual(view.queries.voters(), ['crash']);
});

test('a file that is temporarily unreadable is kept', async () => {
  await using system = await startSystem();
  const last = await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  {
    await using view = openToyView(system);
    assert.equal(await view.waitFor('VOTES', last, 20_000), true);
  }
  const file = fileIn(join(system.folder, 'views'));
  const before = statSync(file).ino;
  let refusals = 0;
  const opened = (): void => {
    if (++refusals <= 2) throw Object.assign(new Error('unable to open'), { code: 'SQLITE_CANTOPEN' });
  };
  await using view = openToyView(system, { opened });
  await view.ready;
  assert.deepEqual([refusals, view.queries.voters(), statSync(file).ino], [3, ['ann'], before]);
});

test('a view has caught up only while its worker is connected to the broker', async () => {
  await using system = await startSystem({ ownBroker: true });
  await using view = openToyView(system);
  await view.ready;
  await until(() => view.caughtUp, 'the view to catch up');
  await system.killBroker();
  await until(() => !view.caughtUp, 'the view to notice the lost connection');
  assert.deepEqual(view.queries.voters(), [], 'queries still work');
  await system.restartBroker();
  await until(() => view.caughtUp, 'the view to catch up again');
});

test('a missing projections module is reported, and other views continue', async () => {
  await using system = await startSystem();
  await using other = openToyView(system);
  await using view = openModule(system, new URL('./no-such-module.ts', import.meta.url));
  await assert.rejects(view.opened, /no-such-module/);
  const sequence = await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  assert.equal(await other.waitFor('VOTES', sequence, 20_000), true);
});

test('a query that names an unknown table is reported with the command that writes a migration', async () => {
  await using system = await startSystem();
  await using view = openToyView(system, { table: 'votters' });
  await assert.rejects(view.ready, /no such table: votters in: SELECT .* npm run migrations -- toy --name/);
});

test('a view closed while it opens leaves nothing that keeps the process alive', async () => {
  await using system = await startSystem();
  const view = openToyView(system);
  await view[Symbol.asyncDispose]();
  assert.throws(() => view.queries, { code: 'unavailable' });
  assert.equal(await view.waitFor('VOTES', 1, 10), false);
});

test('a cached value is computed again once an event can be waited for', async () => {
  await using system = await startSystem();
  await using view = openToyView(system);
  await view.ready;
  let made = 0;
  const voters = (): string[] =>
    view.cached('voters', (queries) => {
      made++;
      return queries.voters();
    });
  const expected: string[] = [];
  for (let count = 0; count < 50; count++) {
    // Cached at the second call.
    assert.deepEqual([voters(), voters(), voters()], [expected, expected, expected]);
    const voterId = `voter-${count}`;
    expected.push(voterId);
    const sequence = await system.publish('votes.hub.1', { voterId, liked: true });
    assert.equal(await view.waitFor('VOTES', sequence, 20_000), true);
  }
  assert.equal(made, 100);
});
