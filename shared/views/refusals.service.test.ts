/** A broker that refuses its users for a while, as after a wrong configuration change. */
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { ranking as operations } from '../../services/ranking/contract.ts';
import { type System, startSystem, until } from '../../tests/harness.ts';
import { openToyView } from '../../tests/toy-view.ts';

/** Makes the broker refuse all users, and waits for repeated refusals. @returns a function that admits them again */
async function refuse(system: System): Promise<() => void> {
  const store = join(system.folder, 'nats');
  const file = join(store, 'nats-server.conf');
  const before = readFileSync(file);
  const reload = (): void => void process.kill(system.brokerPid, 'SIGHUP');
  appendFileSync(file, 'authorization { user: other, password: other }\n');
  reload();
  const refusals = (): number =>
    readFileSync(join(store, 'nats-server.log'), 'utf8').split('authentication error').length - 1;
  await until(() => refusals() >= 9, 'each connection to be refused more than once');
  return () => {
    writeFileSync(file, before);
    reload();
  };
}

test('connections and views recover when the broker admits their user again', async () => {
  await using system = await startSystem({ ownBroker: true });
  await using view = openToyView(system);
  await view.ready;
  const letIn = await refuse(system);
  await until(() => view.state.refused.length > 0, 'the view to report the refusal');
  letIn();
  await until(() => system.connection.connected && view.caughtUp, 'both to be admitted again');
  await view.ready;
});

test('a service that loses its view while it is refused answers requests again afterwards', async () => {
  await using system = await startSystem({ ownBroker: true });
  const [ranking] = await system.start('ranking');
  const letIn = await refuse(system);
  const folder = join(ranking.dataDir, 'views');
  for (const name of readdirSync(folder)) if (name.endsWith('.sqlite')) truncateSync(join(folder, name), 0);
  const rebuilds = async () =>
    /^marquee_view_rebuilds_total 1$/m.test(await (await fetch(`${ranking.url}/metrics`)).text());
  await until(rebuilds, 'the view to be lost');
  letIn();
  await until(() => system.caller.ask(operations.votes, { limit: 3 }, { timeoutMs: 1000 }), 'an answer');
});
