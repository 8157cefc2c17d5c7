/** A message that a view cannot apply goes to DEADLETTERS once and does not delay those behind it. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { startSystem, until } from '../../tests/harness.ts';
import { openToyView } from '../../tests/toy-view.ts';
import type { DeadLetter } from '../operations/dead-letter-event.ts';
import { createLogger } from '../process/log.ts';

test('a message becomes a dead letter when it cannot be parsed or its projection throws', async () => {
  await using system = await startSystem();
  await system.connection.first;
  await using view = openToyView(system, { rows: { fails: 'bad' } });
  await view.ready;
  const vote = (voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });
  const failing = await vote('bad');
  const unreadable = await system.publish('votes.hub.1', 'no vote');
  await vote('good');
  await until(() => view.queries.voters().includes('good'), 'the vote behind them');
  assert.deepEqual(view.queries.voters(), ['good']);
  const subjects = await until(async () => {
    const found = await system.deadLetters();
    return found.length === 2 ? found : undefined;
  }, 'two dead letters');
  const jsm = await system.streams();
  const letters = await Promise.all(
    subjects.map(async (subject) => {
      const stored = await jsm.streams.getMessage('DEADLETTERS', { last_by_subj: subject });
      return stored?.json<DeadLetter>() as DeadLetter;
    }),
  );
  const reasons = new Map(letters.map(({ sequence, reason, attempts }) => [sequence, `${attempts}: ${reason}`]));
  assert.equal(reasons.get(failing), '1: never works');
  assert.match(reasons.get(unreadable) ?? '', /^1: .*JSON/);
});

test('a dead letter that could not be sent is sent when the view is opened again', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const jsm = await system.streams();
  const { config } = await jsm.streams.info('DEADLETTERS');
  await jsm.streams.delete('DEADLETTERS');
  {
    await using view = openToyView(system, { rows: { fails: 'bad' }, log: createLogger('toy', 'silent') });
    const sequence = await system.publish('votes.hub.1', { voterId: 'bad', liked: true });
    assert.equal(await view.waitFor('VOTES', sequence, 20_000), true);
  }
  await jsm.streams.add(config);
  await using view = openToyView(system, { rows: { fails: 'bad' } });
  await view.ready;
  await until(async () => (await system.deadLetters()).length === 1, 'the dead letter');
});
