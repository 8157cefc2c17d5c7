/** The broker of `npm start`: started again when it ends by itself. */
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';

/** One that ends more often than this within the time is broken, and starting it again would hide it. */
const most = 5;
const withinMs = 60_000;

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
    void running.ended.then((how) => {
      if (!closed) restarting = restart(how).catch(reject);
    });
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
