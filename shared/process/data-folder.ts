/** Replicas that share a volume: each takes the first folder that no other holds, and finds its view there again. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from './lock.ts';

const most = 100;

export interface ReplicaFolder extends Disposable {
  path: string;
}

/**
 * Takes a folder in `dataDir` until it is disposed, or until this process ends in whichever way.
 * @throws Error when as many as there can be are taken, or the volume cannot be written.
 */
export function takeReplicaFolder(dataDir: string): ReplicaFolder {
  let cause: unknown;
  for (let number = 1; number <= most; number++) {
    const path = join(dataDir, `replica-${number}`);
    mkdirSync(path, { recursive: true });
    try {
      const lock = lockFile(join(path, 'lock'), `${path} is taken`);
      return { path, [Symbol.dispose]: () => lock[Symbol.dispose]() };
    } catch (error) {
      cause = error;
    }
  }
  throw new Error(`no replica folder is free in ${dataDir}`, { cause });
}
