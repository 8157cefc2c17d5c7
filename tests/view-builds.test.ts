/** New code on an old view: the old one serves until the new one is built, whatever happens meanwhile. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { StorageType } from '@nats-io/jetstream';
import { voteGiven } from '../services/ranking/contract.ts';
import { event } from '../shared/contract.ts';
import { createLogger } from '../shared/log.ts';
import { View, type ViewDefinition } from '../shared/view.ts';
import { type System, startSystem, until } from './harness.ts';

interface Queries {
  voters(): string[];
}

/** A stream that is missing until a test makes it: a view that reads it is not complete before. */
const gate = event({ ...voteGiven, stream: 'GATE', subject: 'gate.{site}.{movieId}' });

/** Writes migrations as drizzle-kit does. */
function migrations(system: System, name: string, ...statements: string[]): URL {
  const folder = join(system.folder, name);
  mkdirSync(join(folder, 'meta'), { recursive: true });
  const entries = statements.map((_, idx) => ({ idx, tag: `000${idx}` }));
  writeFileSync(join(folder, 'meta/_journal.json'), JSON.stringify({ entries }));
  for (const { idx, tag } of entries) writeFileSync(join(folder, `${tag}.sql`), statements[idx] as string);
  return pathToFileURL(`${folder}/`);
}

const createTable = 'CREATE TABLE voters (sequence INTEGER PRIMARY KEY, voter TEXT NOT NULL)';

/** The voters of VOTES, in order; `mark` is written behind each, so that it shows which version made a row. */
function definition(version: number, folder: URL, mark: string, reads = [voteGiven]): ViewDefinition<Queries> {
  return {
    version,
    migrations: folder,
    open(db) {
      const put = db.prepare('INSERT OR REPLACE INTO voters (sequence, voter) VALUES (?, ?)');
      const all = db.prepare<[], { voter: string }>('SELECT voter FROM voters ORDER BY sequence');
      return {
        queries: { voters: () => all.all().map(({ voter }) => voter) },
        projections: reads.map((type) => ({
          stream: type.stream,
          filter: `${type.subject.split('.')[0]}.>`,
          events: [type],
          apply: ({ sequence, data }) => void put.run(sequence, (data as { voterId: string }).voterId + mark),
        })),
      };
    },
  };
}

function open(system: System, wanted: ViewDefinition<Queries>, folder = join(system.folder, 'views')): View<Queries> {
  const log = createLogger('toy', 'silent');
  return new View({
    name: 'toy',
    folder,
    definition: wanted,
    checkpointPages: 10_000,
    connection: system.connection,
    log,
  });
}

const vote = (system: System, voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });

async function addGate(system: System): Promise<void> {
  const jsm = await system.streams();
  await jsm.streams.add({ name: 'GATE', subjects: ['gate.>'], storage: StorageType.Memory });
}

/** A complete view of version 1 with two voters, closed. */
async function makeOld(system: System): Promise<URL> {
  const folder = migrations(system, 'one', createTable);
  await vote(system, 'ann');
  await vote(system, 'bob');
  await using view = open(system, definition(1, folder, ''));
  await view.ready;
  return folder;
}

test('the old view serves, and follows its stream, until the new one is complete', async () => {
  await using system = await startSystem();
  const folder = await makeOld(system);
  await using view = open(system, definition(2, folder, '!', [voteGiven, gate]));
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob'], 'rows of the old version');
  const sequence = await vote(system, 'eve');
  assert.equal(await view.waitFor('VOTES', sequence, 5000), true);
  await addGate(system);
  await until(() => view.queries.voters()[0] === 'ann!', 'the new view');
  assert.deepEqual(view.queries.voters(), ['ann!', 'bob!', 'eve!']);
  assert.deepEqual(
    readdirSync(join(system.folder, 'views')).filter((file) => file.endsWith('.sqlite')),
    ['toy.v2.sqlite'],
  );
});

test('a build that a crash broke off goes on, and the old view serves again meanwhile', async () => {
  await using system = await startSystem();
  const folder = await makeOld(system);
  const next = definition(2, folder, '!', [voteGiven, gate]);
  const copy = join(system.folder, 'copy');
  {
    await using view = open(system, next);
    await view.ready;
    const built = join(system.folder, 'views/toy.v2.sqlite');
    await until(() => existsSync(`${built}-wal`), 'the new file');
    // What a crash leaves: the files as they are at some moment.
    execFileSync('cp', ['-a', join(system.folder, 'views'), copy]);
  }
  await using view = open(system, next, copy);
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
  const strict = migrations(system, 'two', createTable, 'CREATE UNIQUE INDEX once ON voters (voter)');
  await using view = open(system, definition(2, strict, ''));
  await view.ready;
  assert.deepEqual(view.queries.voters(), ['ann', 'bob']);
});

test('a file of a newer version does not keep older code from starting', async () => {
  await using system = await startSystem();
  const folder = await makeOld(system);
  {
    await using newer = open(system, definition(2, folder, '!'));
    await newer.ready;
    await until(() => newer.queries.voters()[0] === 'ann!', 'the newer view');
  }
  await using view = open(system, definition(1, folder, ''));
  await view.ready;
  await until(() => view.queries.voters()[0] === 'ann', 'the view of the older code');
});
