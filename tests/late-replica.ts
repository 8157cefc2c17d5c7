/** Replicas whose views a test can hold back. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../shared/views/database.ts';
import { get, type ReplicaProcess, type System, until } from './harness.ts';

/** A replica in a process: those in one process share the thread of their views. */
export async function startApart(
  system: System,
  name: string,
  env: Record<string, string> = {},
): Promise<ReplicaProcess> {
  const replica = await system.spawn(name, 'node', env);
  await until(async () => (await get(`${replica.url}/readyz`)).status === 200, `${name} to be ready`);
  return replica;
}

/** Lets a replica's view read nothing more until it is disposed, and answer as before. */
export function holdBack({ dataDir }: ReplicaProcess): Disposable {
  const folder = join(dataDir, 'views');
  const [file = 'none'] = readdirSync(folder).filter((name) => name.endsWith('.sqlite'));
  const { $client: client } = openDatabase(join(folder, file));
  client.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => client.close() };
}
