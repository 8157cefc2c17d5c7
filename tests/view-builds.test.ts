/** New code with an old view: the old view answers until the new one is built, whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StorageType } from '@nats-io/jetstream';
import { test } from 'vitest';
import { type System, startSystem, until } from './harness.ts';
import { createTable, openToyView } from './toy-view.ts';

const vote = (system: System, voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });

async function addGate(system: System): Promise<void> {
  const jsm = await system.streams();
  await jsm.streams.add({ name: 'GATE', subjects: ['gate.>'], storage: StorageType.Memory });
}

/** Builds a complete view of version 1 with two voters. */
async function makeOld(system: System): Promise<void> {
  await vote(system, 'ann');
  await vote(system, 'bob');
  await using view = openToyView(system);
  await view.ready;
}

const files = (system: System): string[] =>
  readdirSync(join(system.folder, 'views')).filter((file) => file.endsWith('.sqlite'));

test('the old view answers and follows its stream until the new one is complete', async () => {
  await using system = await startSystem();
  await makeOld(system);
  await using view = openToyView(system, { version: 2, rows: { mark: '!', gate: '' } });
  await view.ready;
  const lost = { once: false };
  void view.lost.then(() => {
    lost.once = true;
  });
  assert.deepEqual(view.queries.voters(), ['ann', 'bob'], 'rows of the old version');
  const sequence = await vote(system, 'eve');
  assert.equal(await view.waitFor('VOTES', sequence, 20_000), true);
  await addGate(system);
  await until(() => view.queries.voters()[0] === 'ann!', 'the new view');
  assert.deepEqual(view.queries.voters(), ['ann!', 'bob!', 'eve!']);
  assert.equal(lost.once, false, 'there was always something to answer from');
  await until(() => files(system).length === 1, 'the old file to be removed');
  assert.match(files(system)[0] ?? '', /^toy\.v2\.\w+\.sqlite$/);
});

test('a build continues after a crash, and the old view answers meanwhile', async () => {
  await using system = await startSystem();
  await makeOld(system);
  const next = { version: 2, rows: { mark: '!', gate: '' } };
  const folder = join(system.folder, 'copy');
  {
    await using view = openToyView(system, next);
    await view.ready;
    await until(() => files(system).length === 2, 'the new file');
    // Copy the files at some moment, as a crash would leave them.
    execFileSync('cp', ['-a', join(system.folder, 'views'), folder]);
  }
  await using view = openToyView(system, { ...next, folder });
  await view.ready;
  assert.equal(view.queries.voters().length, 2);
  await addGate(system);
  await until(() => view.queries.voters()[0] === 'ann!', 'the new view');
});

test('an old view that cannot be migrated is ignored while the new one is built', async () => {
  await using system = await startSystem();
  await vote(system, 'ann');
  await makeOld(system);
  // Two old rows have the same voter, which violates the new unique index; the new version writes only one of them.
  const statements = [createTable, 'CREATE UNIQUE INDEX once ON voters (voter)'];
  await using view = openToyView(system, { version: 2, statements });
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
});

test('an old view that the new queries cannot read is ignored while the new one is built', async () => {
  await using system = await startSystem();
  await makeOld(system);
  // As many migrations as before, so that none changes the old file.
  const statements = [
    `${createTable};--> statement-breakpoint\nCREATE VIEW shown AS SELECT sequence, voter FROM voters`,
  ];
  await using view = openToyView(system, { version: 2, statements, table: 'shown' });
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
});

test('older code starts beside the file of a newer version', async () => {
  await using system = await startSystem();
  await makeOld(system);
  {
    await using newer = openToyView(system, { version: 2, rows: { mark: '!' } });
    await newer.ready;
    await until(() => newer.queries.voters()[0] === 'ann!', 'the newer view');
  }
  await using view = openToyView(system);
  await view.ready;
  await until(() => view.queries.voters()[0] === 'ann', 'the view of the older code');
});

test('the final step of a build yields to messages, other views and shutdown, and continues after a restart', async () => {
  await using system = await startSystem();
  await vote(system, 'ann');
  const finish = join(system.folder, 'finish');
  const finishing = (view: ReturnType<typeof openToyView>) =>
    until(() => view.state.finishing === 'a file is waited for', 'the end of the build');
  {
    await using view = openToyView(system, { rows: { finish } });
    await finishing(view);
    await vote(system, 'bob');
    await using other = openToyView(system, { folder: join(system.folder, 'other') });
    await other.ready;
    assert.deepEqual(other.queries.voters(), ['ann', 'bob']);
    assert.equal(view.canAnswer, false);
  }
  await using view = openToyView(system, { rows: { finish } });
  await finishing(view);
  writeFileSync(finish, '');
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
  assert.equal(view.state.finishing, undefined);
});
