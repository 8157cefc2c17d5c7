import assert from 'node:assert/strict';
import { afterEach, beforeEach, test, vi } from 'vitest';
import { AppError } from '../../shared/operations/errors.ts';
import { createLogger } from '../../shared/process/log.ts';
import { Unanswered } from '../../shared/rpc/service-client.ts';
import { Breakers } from './breakers.ts';

const down = (): Promise<string> => Promise.reject(new Unanswered('no replica', { noReplicaResponded: true }));
const busy = (): Promise<string> => Promise.reject(new Unanswered('late', { noReplicaResponded: false }));
const notResponding = { code: 'unavailable', message: /^The service movies is not responding/ };
const answers = (): Promise<string> => Promise.resolve('yes');

// The breaker's clock.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

function start() {
  const log: string[] = [];
  const breakers = new Breakers(createLogger('test', 'warn', { write: (line) => void log.push(line) }));
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
    log,
  };
}

test('opens after five consecutive unanswered requests, and closes when a trial request is answered', async () => {
  const { run, fail, state, asked, log } = start();
  await fail(down, 4);
  assert.deepEqual(state(), [false, 0]);
  await assert.rejects(run(down), { message: 'no replica' });
  assert.deepEqual(state(), [true, 1]);
  await assert.rejects(run(answers), notResponding);
  assert.equal(asked(), 5, 'the service was not asked');
  vi.advanceTimersByTime(500);
  assert.equal(await run(answers), 'yes', 'the trial request is answered');
  assert.deepEqual(state(), [false, 1]);
  assert.match(log.join(), /does not respond.*responds again/s, 'both at the same level');
  await fail(down, 4);
  assert.deepEqual(state(), [false, 1], 'failures are counted from zero again');
});

test('refuses other requests at once while a trial request is under way', async () => {
  const { run, fail } = start();
  await fail(down, 5);
  const trial = Promise.withResolvers<string>();
  vi.advanceTimersByTime(500);
  const tried = run(() => trial.promise);
  await assert.rejects(run(answers), notResponding);
  trial.resolve('yes');
  assert.equal(await tried, 'yes');
  assert.equal(await run(answers), 'yes');
});

test('stays closed when an answer comes in between, and when replicas are only late', async () => {
  const { run, fail, state } = start();
  for (let round = 0; round < 3; round++) {
    await fail(down, 4);
    assert.equal(await run(answers), 'yes');
  }
  await fail(busy, 20);
  assert.deepEqual(state(), [false, 0]);
});

test('counts a refusal as an answer', async () => {
  const { run, fail, state } = start();
  const refused = () => Promise.reject(new AppError('not_found', 'There is no such movie.'));
  for (let round = 0; round < 3; round++) {
    await fail(down, 4);
    await assert.rejects(run(refused), { code: 'not_found' });
  }
  assert.deepEqual(state(), [false, 0]);
});

test('does not open a second time when requests sent before it opened fail', async () => {
  const { run, fail, state } = start();
  const late = Promise.withResolvers<string>();
  const pending = Promise.allSettled(Array.from({ length: 8 }, () => run(() => late.promise)));
  await fail(down, 5);
  assert.deepEqual(state(), [true, 1]);
  late.reject(new Unanswered('no replica', { noReplicaResponded: true }));
  await pending;
  assert.deepEqual(state(), [true, 1]);
});
