/** A broker that refuses a user for a while, as where it was given another configuration. */
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { ranking as operations } from '../../services/ranking/contract.ts';
import { type System, startSystem, until } from '../../tests/harness.ts';
import { openToyView } from '../../tests/toy-view.ts';

/** Has the broker refuse all its users, again and again, and gives what lets them in. */
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

test('connections and views go on when the broker lets their user in again', async () => {
  await using system = await startSystem({ ownBroker: true });
  await using view = openToyView(system);
  await view.ready;
  const letIn = await refuse(system);
  await until(() => view.state.refused.length > 0, 'the view to say so');
  letIn();
  await until(() => system.connection.connected && view.caughtUp, 'both to be let in again');
  await view.ready;
});

test('a service that loses its view meanwhile takes requests again behind it', async () => {
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
