/** The broker of `npm start`: restarted when it exits, or when only a restart lets it store messages again. */
import { statfs } from 'node:fs/promises';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';

/** A broker that exits more often than `maxRestarts` times in the window is broken, and restarts would hide that. */
const maxRestarts = 5;
const windowMs = 60_000;
const checkEveryMs = 2000;
/** Free bytes needed to restart: two of the broker's largest blocks, since with less it would soon fail again. */
const minFreeBytes = 16 * 1024 * 1024;

export interface KeptBroker extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Rejects with the reason when the broker is no longer restarted. Never resolves. */
  readonly lost: Promise<never>;
}

/**
 * Starts a broker and keeps it running at the same address until it is disposed.
 * @throws Error as startBroker does, when the first start fails
 */
export async function keepBroker(options: BrokerOptions): Promise<KeptBroker> {
  let broker = await startBroker(options);
  let restarting = Promise.resolve();
  let closed = false;
  const { url } = broker;
  const port = Number(new URL(url).port);
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => {});
  const ends: number[] = [];

  const restart = async (how: string): Promise<void> => {
    ends.push(performance.now());
    if (ends.length > maxRestarts && performance.now() - (ends.at(-1 - maxRestarts) as number) < windowMs) {
      throw new Error(`the broker exited ${maxRestarts + 1} times within a minute, the last time with ${how}`);
    }
    options.log?.(`the broker exited with ${how.split('\n')[0]}: restarting it`);
    // Releases the lock on its files.
    await broker[Symbol.asyncDispose]();
    broker = await startBroker({ ...options, port });
    watch(broker);
  };
  const watch = (running: Broker): void => {
    const timer = setInterval(() => void stopIfRestartHelps(running), checkEveryMs);
    void running.ended.then((how) => {
      clearInterval(timer);
      if (!closed) restarting = restart(how).catch(reject);
    });
  };
  const stopIfRestartHelps = async (running: Broker): Promise<void> => {
    const failure = await writeErrorOf(running);
    if (failure === undefined || (await freeBytes(options.storeDir)) < minFreeBytes || closed) return;
    options.log?.(`the broker failed to write and stores nothing until it is restarted: ${failure}`);
    await running[Symbol.asyncDispose]();
  };
  watch(broker);

  return {
    url,
    get pid() {
      return broker.pid;
    },
    lost,
    async [Symbol.asyncDispose]() {
      closed = true;
      await restarting;
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Returns the write error after which the broker stores nothing more in a stream; undefined if there is none. */
async function writeErrorOf({ monitoringUrl }: Broker): Promise<string | undefined> {
  try {
    const response = await fetch(`${monitoringUrl}/healthz`, { signal: AbortSignal.timeout(checkEveryMs) });
    const { error = '' } = (await response.json()) as { error?: string };
    return error.includes('write error') ? error : undefined;
  } catch {
    // A broker that does not answer has exited or hangs, which says nothing about its disk.
    return undefined;
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
