import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { AppError } from '../../shared/operations/errors.ts';
import { createLogger } from '../../shared/process/log.ts';
import { Unanswered } from '../../shared/rpc/service-client.ts';
import { Breakers } from './breakers.ts';

const silent = (): Promise<string> => Promise.reject(new Unanswered('nobody', { noReplicaResponded: true }));
const busy = (): Promise<string> => Promise.reject(new Unanswered('late', { noReplicaResponded: false }));
const answers = (): Promise<string> => Promise.resolve('yes');

// What a breaker goes by.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

function start() {
  const breakers = new Breakers(createLogger('test', 'silent'));
  let asked = 0;
  const run = (ask: () => Promise<string>): Promise<string> => {
    const counted = (): Promise<string> => {
      asked++;
      return ask();
    };
    return breakers.run('movies', counted);
  };
  return {
    run,
    fail: (ask: () => Promise<string>, times: number) =>
      Promise.allSettled(Array.from({ length: times }, () => run(ask))),
    state: () => breakers.states().map(({ open, opened }) => [open, opened])[0],
    asked: () => asked,
  };
}

test('five silences in a row open it, and it closes with the first answer of later', async () => {
  const { run, fail, state, asked } = start();
  await fail(silent, 4);
  assert.deepEqual(state(), [false, 0]);
  await assert.rejects(run(silent), { message: 'nobody' });
  assert.deepEqual(state(), [true, 1]);
  await assert.rejects(run(answers), { code: 'unavailable', message: /^movies has not been answering/ });
  assert.equal(asked(), 5, 'it was not asked');
  vi.advanceTimersByTime(500);
  assert.equal(await run(answers), 'yes', 'it is tried again');
  assert.deepEqual(state(), [false, 1]);
  await fail(silent, 4);
  assert.deepEqual(state(), [false, 1], 'counted from the beginning');
});

test('while one request tries whether it answers, the others are refused at once', async () => {
  const { run, fail } = start();
  await fail(silent, 5);
  const trial = Promise.withResolvers<string>();
  vi.advanceTimersByTime(500);
  const tried = run(() => trial.promise);
  await assert.rejects(run(answers), { code: 'unavailable', message: /^movies has not been answering/ });
  trial.resolve('yes');
  assert.equal(await tried, 'yes');
  assert.equal(await run(answers), 'yes');
});

test('an answer in between, and what is no silence, do not open it', async () => {
  const { run, fail, state } = start();
  for (let round = 0; round < 3; round++) {
    await fail(silent, 4);
    assert.equal(await run(answers), 'yes');
  }
  await fail(busy, 20);
  assert.deepEqual(state(), [false, 0]);
});

test('a refusal is an answer, too', async () => {
  const { run, fail, state } = start();
  const refused = () => Promise.reject(new AppError('not_found', 'There is no such thing.'));
  for (let round = 0; round < 3; round++) {
    await fail(silent, 4);
    await assert.rejects(run(refused), { code: 'not_found' });
  }
  assert.deepEqual(state(), [false, 0]);
});

test('requests of before that fail while it is open do not open it once more', async () => {
  const { run, fail, state } = start();
  const late = Promise.withResolvers<string>();
  const pending = Promise.allSettled(Array.from({ length: 8 }, () => run(() => late.promise)));
  await fail(silent, 5);
  assert.deepEqual(state(), [true, 1]);
  late.reject(new Unanswered('nobody', { noReplicaResponded: true }));
  await pending;
  assert.deepEqual(state(), [true, 1]);
});
