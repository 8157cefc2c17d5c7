/** The broker of `npm start`: started again when it ends by itself, or when it needs that to store again. */
import { statfs } from 'node:fs/promises';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';

/** One that ends more often than this within the time is broken, and starting it again would hide it. */
const most = 5;
const withinMs = 60_000;
const lookEveryMs = 2000;
/** Two of the blocks that the broker writes at most: with less it would soon stand still again. */
const spaceNeeded = 16 * 1024 * 1024;

export interface KeptBroker extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Rejects, with the reason, when it does not stay up and is given up. Never resolves. */
  readonly lost: Promise<never>;
}

/**
 * Starts a broker and keeps it running, at the same address, until it is disposed.
 * @throws Error as startBroker does, when the first start fails.
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
    if (ends.length > most && performance.now() - (ends.at(-1 - most) as number) < withinMs) {
      throw new Error(`the broker ended ${most + 1} times within a minute, the last time with ${how}`);
    }
    options.log?.(`the broker ended with ${how.split('\n')[0]}: starting it again`);
    // Gives its files free for the next one.
    await broker[Symbol.asyncDispose]();
    broker = await startBroker({ ...options, port });
    watch(broker);
  };
  const watch = (running: Broker): void => {
    const timer = setInterval(() => void restartWhereThatHelps(running), lookEveryMs);
    void running.ended.then((how) => {
      clearInterval(timer);
      if (!closed) restarting = restart(how).catch(reject);
    });
  };
  const restartWhereThatHelps = async (running: Broker): Promise<void> => {
    const failure = await writeErrorOf(running);
    if (failure === undefined || (await freeSpace(options.storeDir)) < spaceNeeded || closed) return;
    options.log?.(`the broker could not write, and stores nothing more until it is started again: ${failure}`);
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

/** What kept the broker from writing once: it takes nothing more for that stream then. Undefined where nothing has. */
async function writeErrorOf({ monitoringUrl }: Broker): Promise<string | undefined> {
  try {
    const response = await fetch(`${monitoringUrl}/healthz`, { signal: AbortSignal.timeout(lookEveryMs) });
    const { error = '' } = (await response.json()) as { error?: string };
    return error.includes('write error') ? error : undefined;
  } catch {
    // It does not answer: it has ended, or hangs, which is no matter of its disk.
    return undefined;
  }
}

/** Bytes. */
async function freeSpace(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
