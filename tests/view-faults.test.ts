/** Damage to the files of a view by others, and errors in its code. */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import { AppError } from '../shared/operations/errors.ts';
import { openDatabase } from '../shared/views/database.ts';
import type { View } from '../shared/views/view.ts';
import { type System, startSystem, until } from './harness.ts';
import { createTable, openToyView, type ToyOptions, type Voters } from './toy-view.ts';

/** Opens a toy view with voters, and returns a check that it shows all of them. */
async function openVoters(system: System, options: ToyOptions = {}) {
  const view = openToyView(system, options);
  await view.ready;
  const voters: string[] = [];
  const vote = async (): Promise<void> => {
    voters.push(`voter-${voters.length}`);
    await system.publish('votes.hub.1', { voterId: voters.at(-1), liked: true });
  };
  const complete = (): boolean => {
    const shown = shownBy(view);
    return shown !== undefined && JSON.stringify(shown) === JSON.stringify(voters);
  };
  return { view, vote, complete, [Symbol.asyncDispose]: () => view[Symbol.asyncDispose]() };
}

/** Returns the answer of a service; undefined for 503. */
function shownBy(view: View<Voters>): string[] | undefined {
  try {
    return view.queries.voters();
  } catch (error) {
    view.handleQueryError(error);
    return undefined;
  }
}

function fileOf(system: System): string {
  const folder = join(system.folder, 'views');
  const [file] = readdirSync(folder).filter((name) => name.endsWith('.sqlite'));
  assert.ok(file);
  return join(folder, file);
}

// Concurrent, because each test has a system of its own and mostly waits.
test.concurrent('detects each time that a file in use is overwritten', async () => {
  await using system = await startSystem();
  await using toy = await openVoters(system, { env: { CHECKPOINT_PAGES: '1' } });
  for (let n = 0; n < 20; n++) await toy.vote();
  for (let round = 1; round <= 2; round++) {
    await until(toy.complete, 'all voters');
    const file = fileOf(system);
    copyFileSync(file, join(system.folder, 'older'));
    for (let n = 0; n < 20; n++) await toy.vote();
    await until(toy.complete, 'all voters');
    // Not during a checkpoint, when an overwrite could not be told from it: the worker's next message comes after it.
    const said = toy.view.state;
    await until(() => toy.view.state !== said, 'the worker to say something again');
    copyFileSync(join(system.folder, 'older'), file);
    const noticed = async (): Promise<boolean> => {
      await toy.vote();
      shownBy(toy.view);
      return toy.view.state.rebuilds >= round;
    };
    await until(noticed, 'it to be noticed');
  }
  await until(toy.complete, 'all voters');
});

test.concurrent('detects that the WAL of a file in use is deleted, and keeps answering', async () => {
  await using system = await startSystem();
  await using toy = await openVoters(system);
  await toy.vote();
  await until(toy.complete, 'the voter');
  const file = fileOf(system);
  rmSync(`${file}-wal`);
  await until(() => toy.view.state.rebuilds === 1, 'it to be noticed');
  await until(() => fileOf(system) !== file, 'another file instead of it');
  await toy.vote();
  await until(toy.complete, 'all voters');
});

test.concurrent('a truncated WAL makes the view unavailable until it is rebuilt, and is not reported as a bug', async () => {
  await using system = await startSystem();
  await using toy = await openVoters(system);
  await toy.vote();
  await until(toy.complete, 'the voter');
  await toy.vote();
  // The rows are not read before, because they would then be cached in memory.
  await until(() => toy.view.position('VOTES')?.sequence === 2, 'another voter');
  truncateSync(`${fileOf(system)}-wal`, 4096);
  const defects: unknown[] = [];
  const rebuilt = (): boolean => {
    try {
      toy.view.queries.voters();
    } catch (error) {
      if (!(error instanceof AppError) && !toy.view.handleQueryError(error)) defects.push(error);
    }
    return toy.view.state.rebuilds > 0 && toy.complete();
  };
  await until(rebuilt, 'it to be built again');
  assert.deepEqual(defects, []);
});

test.concurrent('an invalid query in the code does not rebuild the view', async () => {
  await using system = await startSystem();
  await using toy = await openVoters(system);
  const db = openDatabase(fileOf(system));
  let error: unknown;
  try {
    db.$client.prepare('SELECT * FROM votres');
  } catch (thrown) {
    error = thrown;
  }
  db.$client.close();
  assert.equal(toy.view.handleQueryError(error), false);
  assert.deepEqual(toy.view.queries.voters(), []);
});

test.concurrent('a file that lost a table is rebuilt without dead letters', async () => {
  await using system = await startSystem();
  await using toy = await openVoters(system);
  await toy.vote();
  await until(toy.complete, 'the voter');
  const loseTable = (): void => {
    const db = openDatabase(fileOf(system));
    db.$client.exec('DROP TABLE voters');
    db.$client.close();
  };
  const file = fileOf(system);
  loseTable();
  // A query notices it as soon as it reads a later state.
  await until(() => shownBy(toy.view) === undefined || toy.view.state.rebuilds === 1, 'it to be noticed');
  await until(toy.complete, 'all voters');
  await until(() => fileOf(system) !== file, 'the file to be gone');
  // The next time the projection notices it, because there is no query before.
  loseTable();
  await toy.vote();
  await until(() => toy.view.state.rebuilds === 2, 'it to be noticed');
  await until(toy.complete, 'all voters');
  assert.deepEqual(await system.deadLetters(), []);
});

test.concurrent('a view that was away rebuilds when its stream was restored to an older state and then written to', async () => {
  await using system = await startSystem({ ownBroker: true });
  const store = join(system.folder, 'nats');
  const older = join(system.folder, 'older');
  const vote = (voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });
  for (const voterId of ['ann', 'bob']) await vote(voterId);
  await system.killBroker();
  cpSync(store, older, { recursive: true });
  await system.restartBroker();
  await until(() => system.connection.connected, 'the connection');
  for (const voterId of ['gone', 'lost']) await vote(voterId);
  {
    await using view = openToyView(system);
    await until(() => shownBy(view)?.length === 4, 'all voters');
  }
  await system.killBroker();
  rmSync(store, { recursive: true });
  cpSync(older, store, { recursive: true });
  await system.restartBroker();
  await until(() => system.connection.connected, 'the connection');
  for (const voterId of ['eve', 'joe', 'kim']) await vote(voterId);
  await using view = openToyView(system);
  const shown = ['ann', 'bob', 'eve', 'joe', 'kim'];
  await until(() => JSON.stringify(shownBy(view)) === JSON.stringify(shown), 'what the stream holds');
  assert.ok(view.state.rebuilds > 0);
});

test.concurrent('a view is rebuilt once when its stream was purged', async () => {
  await using system = await startSystem();
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  {
    await using view = openToyView(system);
    await until(() => shownBy(view)?.length === 1, 'the voter');
  }
  await (await system.streams()).streams.purge('VOTES');
  for (let start = 1; start <= 2; start++) {
    await using view = openToyView(system);
    await until(() => shownBy(view)?.length === 0 && view.caughtUp, 'an empty view');
    assert.equal(view.state.rebuilds, start === 1 ? 1 : 0);
  }
});

const mistakes: Record<string, [ToyOptions, RegExp]> = {
  'a query': [{ table: 'votres' }, /no such table: votres in: SELECT voter FROM votres/],
  'a projection': [{ rows: { into: 'votres' } }, /no such table: votres in: INSERT OR REPLACE INTO votres/],
  'a migration': [{ statements: ['CREATE TABEL voters (voter TEXT)'] }, /CREATE TABEL voters/],
};

for (const [what, [options, reason]] of Object.entries(mistakes)) {
  test.concurrent(`${what} that is invalid ends the start with its statement, even beside a view of another version`, async () => {
    await using system = await startSystem();
    {
      await using wrong = openToyView(system, options);
      await assert.rejects(wrong.opened, reason);
      await assert.rejects(wrong.ready, reason);
    }
    {
      await using older = openToyView(system);
      await older.ready;
    }
    await using wrong = openToyView(system, { ...options, version: 2 });
    await assert.rejects(wrong.opened, reason);
    const error = await wrong.opened.catch((thrown: Error) => thrown);
    assert.match((error as Error).stack ?? '', /\.ts:\d+/);
  });
}

test.concurrent('a missing migration ends the start', async () => {
  await using system = await startSystem();
  const nowhere = pathToFileURL(join(system.folder, 'nowhere/')).href;
  await using view = openToyView(system, { statements: [createTable], rows: { migrations: nowhere } });
  await assert.rejects(view.opened, /journal/);
});

test.concurrent('files beside a view that cannot be removed cause no error', async () => {
  await using system = await startSystem();
  const folder = join(system.folder, 'views');
  mkdirSync(join(folder, 'toy.v1.older.sqlite.kept/copy'), { recursive: true });
  for (let round = 1; round <= 2; round++) {
    await using view = openToyView(system);
    await view.ready;
  }
  assert.ok(existsSync(join(folder, 'toy.v1.older.sqlite.kept/copy')));
});
