/** Views and commands when the broker has lost the stream that the view was built from. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { voteGiven } from '../../services/ranking/contract.ts';
import { applyStreams } from '../../streams/all.ts';
import { type System, startSystem, until } from '../../tests/harness.ts';
import { openToyView, type Voters } from '../../tests/toy-view.ts';
import { encodeEvent } from '../broker/event-codec.ts';
import { Publisher } from '../broker/publisher.ts';
import { Commands } from '../commands.ts';
import type { View } from './view.ts';

const { stream } = voteGiven;
const one = { streamReplicas: 1 };

/** Returns a command whose event records the voters that the view showed when the command was decided. */
function voteOn(system: System, view: View<Voters>) {
  const commands = new Commands(system.connection, new Publisher(system.connection), view as View<unknown>);
  const origin = { site: 'hub', source: 'test', traceparent: undefined };
  return (voterId: string, timeoutMs = 20_000) => {
    const decide = () => {
      const seen = view.queries.voters().join('+');
      return encodeEvent(voteGiven, { movieId: 1 }, { voterId: `${voterId}:${seen}`, liked: true }, origin);
    };
    return commands.execute(decide, { stream, deadline: Date.now() + timeoutMs });
  };
}

const deleteStream = async (system: System) => (await system.streams()).streams.delete(stream);
const accept = (system: System) => applyStreams(system.link.nc, one, { accept: true });

test('a view keeps serving its rows of a lost stream until an operator decides', async () => {
  await using system = await startSystem();
  await using view = openToyView(system);
  await view.ready;
  const vote = voteOn(system, view);
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  await until(() => view.queries.voters().length === 1, 'the voter');
  await deleteStream(system);
  const missing = await until(() => view.problems[0], 'the loss to be reported');
  assert.match(missing, /lost the stream VOTES.*message 1.*npm run restore.*npm run streams -- --new/);
  await assert.rejects(vote('bob'), { code: 'unavailable', message: missing });

  await applyStreams(system.link.nc, one);
  const replaced = await until(
    () => view.problems.find((problem) => problem !== missing),
    'the new stream to be noticed',
  );
  assert.match(replaced, /stream VOTES was replaced.*npm run restore.*npm run streams -- --new/);
  await assert.rejects(vote('bob'), { code: 'unavailable', message: replaced });
  assert.deepEqual([view.queries.voters(), view.state.rebuilds, view.caughtUp], [['ann'], 0, false]);
  const { logFile } = system.config();
  const lines = readFileSync(logFile as string, 'utf8').split('\n');
  assert.equal(lines.filter((line) => line.includes('lost the stream')).length, 1, 'the loss is logged once');
  assert.equal((await (await system.streams()).streams.info(stream)).state.messages, 0, 'nothing was published');

  await accept(system);
  await until(() => view.state.rebuilds === 1 && view.caughtUp, 'the view of the new stream');
  assert.deepEqual(view.problems, []);
  assert.equal((await vote('bob'))?.visible, true);
  assert.deepEqual(view.queries.voters(), ['bob:']);
});

test('a reopened view keeps its rows of a lost stream, and an empty view reads the new one', async () => {
  await using system = await startSystem();
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  {
    await using view = openToyView(system);
    await until(() => view.caughtUp && view.queries.voters().length === 1, 'the voter');
  }
  await deleteStream(system);
  await applyStreams(system.link.nc, one);
  await system.publish('votes.hub.1', { voterId: 'eve', liked: true });
  await system.publish('votes.hub.1', { voterId: 'joe', liked: true });
  await using view = openToyView(system);
  await until(() => view.problems.length > 0, 'the loss to be reported');
  assert.deepEqual(view.queries.voters(), ['ann']);
  await using empty = openToyView(system, { folder: join(system.folder, 'empty') });
  await until(() => empty.caughtUp, 'the view of the new stream');
  assert.deepEqual([empty.queries.voters(), empty.problems], [['eve', 'joe'], []]);
  await accept(system);
  await until(() => view.caughtUp, 'the reopened view to read the new stream');
  assert.deepEqual(view.queries.voters(), ['eve', 'joe']);
});

test('commands do not decide on the old view after the stream was restored to an older state', async () => {
  await using system = await startSystem({ ownBroker: true });
  const store = join(system.folder, 'nats');
  const older = join(system.folder, 'older');
  await system.publish('votes.hub.1', { voterId: 'ann', liked: true });
  await system.killBroker();
  cpSync(store, older, { recursive: true });
  await system.restartBroker();
  await until(() => system.connection.connected, 'the connection');
  await using view = openToyView(system);
  await view.ready;
  const vote = voteOn(system, view);
  await system.publish('votes.hub.1', { voterId: 'gone', liked: true });
  await until(() => view.queries.voters().length === 2, 'both voters');

  await system.killBroker();
  rmSync(store, { recursive: true });
  cpSync(older, store, { recursive: true });
  let done = false;
  const attempts = Array.from({ length: 8 }, async (_, lane) => {
    for (let round = 0; !done; round++) {
      await vote(`${lane}.${round}`, 1000).then(
        () => {
          done = true;
        },
        () => new Promise((resolve) => setImmediate(resolve)),
      );
    }
  });
  await system.restartBroker();
  await Promise.all(attempts);
  await until(() => view.caughtUp, 'the view');
  const voters = view.queries.voters();
  assert.equal(voters[0], 'ann');
  assert.ok(voters.length > 1);
  for (const voter of voters) assert.ok(!voter.includes('gone'), voter);
});
