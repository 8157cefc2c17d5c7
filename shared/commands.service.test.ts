/** Commands whose stream was deleted and recreated, or whose view is behind another replica's. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { voteGiven } from '../services/ranking/contract.ts';
import { applyStreams } from '../streams/all.ts';
import { type System, startSystem, until } from '../tests/harness.ts';
import { openToyView, type Voters } from '../tests/toy-view.ts';
import { encodeEvent } from './broker/event-codec.ts';
import { Publisher } from './broker/publisher.ts';
import { Commands } from './commands.ts';
import { AppError } from './operations/errors.ts';
import type { View } from './views/view.ts';

const { stream } = voteGiven;

/** A view of the voters of VOTES, with a command that adds a missing voter. */
class Toy implements AsyncDisposable {
  readonly commands: Commands;
  readonly #view: View<Voters>;

  constructor(system: System) {
    const { connection } = system;
    this.#view = openToyView(system);
    this.commands = new Commands(connection, new Publisher(connection), this.#view);
  }

  get ready(): Promise<void> {
    return this.#view.ready;
  }

  get voters(): string[] {
    return this.#view.queries.voters();
  }

  /** Adds a voter. Resolves with null if the view has the voter already. */
  add(voterId: string) {
    const origin = { site: 'hub', source: 'test', traceparent: undefined };
    const decide = () =>
      this.voters.includes(voterId) ? null : encodeEvent(voteGiven, { movieId: 1 }, { voterId, liked: true }, origin);
    return this.commands.execute(decide, { stream, deadline: Date.now() + 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#view[Symbol.asyncDispose]();
  }
}

/** Creates a toy whose view holds some voters of a stream that has just been deleted and recreated. */
async function withRecreatedStream(system: System, voters = ['a', 'b', 'c']): Promise<Toy> {
  const toy = new Toy(system);
  await toy.ready;
  for (const voter of voters) assert.equal((await toy.add(voter))?.visible, true);
  await (await system.streams()).streams.delete(stream);
  await applyStreams(system.link.nc, { streamReplicas: 1 }, { accept: true });
  return toy;
}

/** Retries like a client, as long as the old stream's view is still there and the new stream has not been accepted. */
function retried<T>(work: () => Promise<T>): Promise<T> {
  const attempt = async (): Promise<{ result: T } | undefined> => {
    try {
      return { result: await work() };
    } catch (error) {
      if (error instanceof AppError && error.code === 'unavailable' && !error.outcome) return undefined;
      throw error;
    }
  };
  return until(attempt, 'the new stream to be accepted').then(({ result }) => result);
}

test('catching up with a recreated stream waits for a view of the new stream', async () => {
  await using system = await startSystem();
  await using toy = await withRecreatedStream(system);
  await retried(() => toy.commands.catchUp(stream, Date.now() + 20_000));
  assert.deepEqual(toy.voters, []);
});

test('catching up works when an empty stream was recreated', async () => {
  await using system = await startSystem();
  await using toy = await withRecreatedStream(system, []);
  await retried(() => toy.commands.catchUp(stream, Date.now() + 2000));
});

test('execute ignores what the view of a deleted stream holds', async () => {
  await using system = await startSystem();
  await using toy = await withRecreatedStream(system);
  const added = await retried(() => toy.add('a'));
  assert.deepEqual([added?.published.sequence, added?.visible], [1, true]);
  assert.deepEqual(toy.voters, ['a']);
});

test('an event in a recreated stream counts as visible only in a view of the new stream', async () => {
  await using system = await startSystem();
  await using toy = await withRecreatedStream(system);
  const added = await retried(() => toy.add('d'));
  assert.deepEqual([added?.published.sequence, added?.visible], [1, true]);
  assert.deepEqual(toy.voters, ['d']);
});

test('refusals and null decisions are final only after the view has caught up', async () => {
  await using system = await startSystem({ ownBroker: true });
  await using toy = new Toy(system);
  await toy.ready;
  await toy.add('a');
  let decisions = 0;
  const decided = async (decide: () => null) => {
    decisions = 0;
    await toy.commands.execute(decide, { stream, deadline: Date.now() + 5000 });
  };
  await decided(() => {
    decisions++;
    return null;
  });
  assert.equal(decisions, 2);
  const refuse = () => {
    decisions++;
    throw new AppError('conflict', 'No.');
  };
  await assert.rejects(decided(refuse), { code: 'conflict' });
  assert.equal(decisions, 2);
  await system.killBroker();
  await until(() => !system.connection.connected, 'the disconnection to be noticed');
  await assert.rejects(decided(refuse), { code: 'unavailable' }, 'undecidable without the broker');
  await system.restartBroker();
});

test('concurrent decisions do not affect each other', async () => {
  await using system = await startSystem();
  await using toy = new Toy(system);
  await toy.ready;
  await toy.add('a');
  const origin = { site: 'hub', source: 'test', traceparent: undefined };
  const decisions: string[] = [];
  const first = (voterId: string, movieId: number) => () => {
    decisions.push(voterId);
    if (toy.voters.includes(voterId)) return null;
    const expect = { lastSubjectSequence: 0 };
    return encodeEvent(voteGiven, { movieId }, { voterId, liked: true }, origin, { expect });
  };
  // `a` exists already. `b` comes twice, and the second expectation must fail.
  const many = [first('a', 1), first('b', 2), first('c', 3), first('b', 2)];
  const execution = { stream, deadline: Date.now() + 20_000 };
  await Promise.all(many.map((decide) => toy.commands.execute(decide, execution)));
  assert.deepEqual(toy.voters, ['a', 'b', 'c'], 'all are visible');
  const jsm = await system.streams();
  assert.equal((await jsm.streams.info(stream)).state.messages, 3);
  assert.deepEqual(decisions.slice(0, 4), ['a', 'b', 'c', 'b'], 'all decisions run before any wait');
});
