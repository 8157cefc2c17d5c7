/** What a view cannot take: how often it is tried, and what its dead letter says of that. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { startSystem, until } from '../../tests/harness.ts';
import { openToyView } from '../../tests/toy-view.ts';
import type { DeadLetter } from '../operations/dead-letter-event.ts';

test('a dead letter says how often its message was tried: once where that could not help', async () => {
  await using system = await startSystem();
  await system.connection.first;
  const tries = join(system.folder, 'tries');
  await using view = openToyView(system, { rows: { tries } });
  await view.ready;
  const vote = (voterId: string) => system.publish('votes.hub.1', { voterId, liked: true });
  const failing = await vote('bad');
  const unreadable = await system.publish('votes.hub.1', 'no vote');
  await vote('good');
  await until(() => view.queries.voters().includes('good'), 'nothing to wait behind them');
  const jsm = await system.streams();
  const letters = await until(async () => {
    const subjects = await system.deadLetters();
    return subjects.length === 2 ? subjects : undefined;
  }, 'two dead letters');
  const attempts = new Map<number, number>();
  for (const subject of letters) {
    const stored = await jsm.streams.getMessage('DEADLETTERS', { last_by_subj: subject });
    const letter = stored?.json<DeadLetter>();
    attempts.set(letter?.sequence ?? 0, letter?.attempts ?? 0);
  }
  assert.deepEqual(
    attempts,
    new Map([
      [unreadable, 1],
      [failing, 4],
    ]),
  );
  // The first time in a batch, which is taken again one by one.
  assert.equal(readFileSync(tries, 'utf8').trim().split('\n').length, 5);
});
