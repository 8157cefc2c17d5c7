/** New code on an old view: the old one serves until the new one is built, whatever happens meanwhile. */
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

/** Makes a complete view of version 1 with two voters. */
async function makeOld(system: System): Promise<void> {
  await vote(system, 'ann');
  await vote(system, 'bob');
  await using view = openToyView(system);
  await view.ready;
}

const files = (system: System): string[] =>
  readdirSync(join(system.folder, 'views')).filter((file) => file.endsWith('.sqlite'));

test('the old view serves, and follows its stream, until the new one is complete', async () => {
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

test('a build that a crash broke off goes on, and the old view serves again meanwhile', async () => {
  await using system = await startSystem();
  await makeOld(system);
  const next = { version: 2, rows: { mark: '!', gate: '' } };
  const folder = join(system.folder, 'copy');
  {
    await using view = openToyView(system, next);
    await view.ready;
    await until(() => files(system).length === 2, 'the new file');
    // What a crash leaves: the files as they are at some moment.
    execFileSync('cp', ['-a', join(system.folder, 'views'), folder]);
  }
  await using view = openToyView(system, { ...next, folder });
  await view.ready;
  assert.equal(view.queries.voters().length, 2);
  await addGate(system);
  await until(() => view.queries.voters()[0] === 'ann!', 'the new view');
});

test('an old view that the new migrations do not fit is left aside, and the new one is built', async () => {
  await using system = await startSystem();
  await vote(system, 'ann');
  await makeOld(system);
  // Of the old rows two are alike; the new version would not write the second.
  const statements = [createTable, 'CREATE UNIQUE INDEX once ON voters (voter)'];
  await using view = openToyView(system, { version: 2, statements });
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
});

test('an old view that the new queries do not fit is left aside, and the new one is built', async () => {
  await using system = await startSystem();
  await makeOld(system);
  // As many migrations as before, so that none mends the old file.
  const statements = [
    `${createTable};--> statement-breakpoint\nCREATE VIEW shown AS SELECT sequence, voter FROM voters`,
  ];
  await using view = openToyView(system, { version: 2, statements, table: 'shown' });
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
});

test('a file of a newer version does not keep older code from starting', async () => {
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

test('what is done at the end of a build leaves turns to messages, to other views and to the end of the process, and goes on after it', async () => {
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
