/** Starting several services together, and stopping them together. */
import type { Config } from '../shared/process/config.ts';
import type { RunningService } from '../shared/service.ts';
import { serviceNamed, services } from './index.ts';

export interface RunningServices extends AsyncDisposable {
  services: RunningService[];
  /** Resolves when all of them are ready. */
  ready: Promise<void>;
}

/** Starts services by name; all of them when none is named. @throws Error for a name that there is not. */
export async function startServices(config: Config, names: string[]): Promise<RunningServices> {
  const wanted = names.length > 0 ? names.map(serviceNamed) : services;
  const settled = await Promise.allSettled(wanted.map(async ({ load }) => (await load())(config)));
  const running = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) {
    await stopAll(running);
    throw failed.reason;
  }
  const ready = Promise.all(running.map((service) => service.ready)).then(() => {});
  ready.catch(() => {});
  return {
    services: running,
    ready,
    [Symbol.asyncDispose]: () => stopAll(running),
  };
}

async function stopAll(running: RunningService[]): Promise<void> {
  await Promise.allSettled(running.map((service) => service[Symbol.asyncDispose]()));
}
