/** What commands decide on when the stream behind their view is deleted and made again, or another replica is ahead. */
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

/** A view of the voters of VOTES, and commands that add one where it is not there yet. */
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

  /** Adds a voter; null where the voter is there. */
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

/** A toy that holds some voters, of a stream that has just been made again. */
async function withStreamMadeAgain(system: System, voters = ['a', 'b', 'c']): Promise<Toy> {
  const toy = new Toy(system);
  await toy.ready;
  for (const voter of voters) assert.equal((await toy.add(voter))?.visible, true);
  await (await system.streams()).streams.delete(stream);
  await applyStreams(system.link.nc, { streamReplicas: 1 }, { accept: true });
  return toy;
}

/** Does it as a client would: again while the view of the old stream is there, and the new one not known to be accepted. */
function retried<T>(work: () => Promise<T>): Promise<T> {
  const attempt = async (): Promise<{ result: T } | undefined> => {
    try {
      return { result: await work() };
    } catch (error) {
      if (error instanceof AppError && error.code === 'unavailable' && !error.outcome) return undefined;
      throw error;
    }
  };
  return until(attempt, 'the new stream to be taken').then(({ result }) => result);
}

test('catching up with a stream that was made again waits for the view of the new one', async () => {
  await using system = await startSystem();
  await using toy = await withStreamMadeAgain(system);
  await retried(() => toy.commands.catchUp(stream, Date.now() + 20_000));
  assert.deepEqual(toy.voters, []);
});

test('a stream that was made again while it was empty is the one that is waited for', async () => {
  await using system = await startSystem();
  await using toy = await withStreamMadeAgain(system, []);
  await retried(() => toy.commands.catchUp(stream, Date.now() + 2000));
});

test('what the view of a deleted stream holds is no reason to change nothing', async () => {
  await using system = await startSystem();
  await using toy = await withStreamMadeAgain(system);
  const added = await retried(() => toy.add('a'));
  assert.deepEqual([added?.published.sequence, added?.visible], [1, true]);
  assert.deepEqual(toy.voters, ['a']);
});

test('what is stored in a stream that was made again is not visible in the view of the old one', async () => {
  await using system = await startSystem();
  await using toy = await withStreamMadeAgain(system);
  const added = await retried(() => toy.add('d'));
  assert.deepEqual([added?.published.sequence, added?.visible], [1, true]);
  assert.deepEqual(toy.voters, ['d']);
});

test('refusals, and having nothing to do, are final only when the view holds what others stored', async () => {
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
  await until(() => !system.connection.connected, 'the loss to be seen');
  await assert.rejects(decided(refuse), { code: 'unavailable' }, 'nobody can say now');
  await system.restartBroker();
});

test('of many decisions each counts as if it were alone', async () => {
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
  // One is there already, one comes twice, and the expectation of the second must fail.
  const many = [first('a', 1), first('b', 2), first('c', 3), first('b', 2)];
  const execution = { stream, deadline: Date.now() + 20_000 };
  await Promise.all(many.map((decide) => toy.commands.execute(decide, execution)));
  assert.deepEqual(toy.voters, ['a', 'b', 'c'], 'all of them are visible');
  const jsm = await system.streams();
  assert.equal((await jsm.streams.info(stream)).state.messages, 3);
  assert.deepEqual(decisions.slice(0, 4), ['a', 'b', 'c', 'b'], 'all are decided before anything is waited for');
});
