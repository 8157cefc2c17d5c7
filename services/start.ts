/** Starting several services together, and stopping them together. */
import type { Config } from '../shared/process/config.ts';
import type { RunningService } from '../shared/service.ts';
import { services } from './index.ts';

export interface RunningServices extends AsyncDisposable {
  services: RunningService[];
  /** Resolves when all of them are ready. */
  ready: Promise<void>;
}

/** Starts services by name; all of them when none is named. @throws Error for a name that there is not. */
export async function startServices(config: Config, names: string[]): Promise<RunningServices> {
  const unknown = names.filter((name) => !(name in services));
  if (unknown.length > 0) {
    throw new Error(`There is no service ${unknown.join(', ')}. There are: ${Object.keys(services).join(', ')}.`);
  }
  const wanted = names.length > 0 ? names : Object.keys(services);
  const settled = await Promise.allSettled(wanted.map(async (name) => (await services[name]?.())?.(config)));
  const running = settled.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
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
