/** Replicas whose views a test can keep from advancing. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../shared/views/database.ts';
import { get, type ReplicaProcess, type System, until } from './harness.ts';

/** Starts a replica in its own process, since replicas in one process share the view worker. Waits until it is ready. */
export async function startApart(
  system: System,
  name: string,
  env: Record<string, string> = {},
): Promise<ReplicaProcess> {
  const replica = await system.spawn(name, 'node', env);
  await until(async () => (await get(`${replica.url}/readyz`)).status === 200, `${name} to be ready`);
  return replica;
}

/** Keeps a replica's view from applying messages, by holding the write lock of its file, until disposed. */
export function holdBack({ dataDir }: ReplicaProcess): Disposable {
  const folder = join(dataDir, 'views');
  const [file = 'none'] = readdirSync(folder).filter((name) => name.endsWith('.sqlite'));
  const { $client: client } = openDatabase(join(folder, file));
  client.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => client.close() };
}
