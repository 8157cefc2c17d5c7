/** Starting several services together, and stopping them together. */
import type { RunningService } from '../shared/host.ts';
import { type Config, portOf } from '../shared/process/config.ts';
import { backingServices, serviceNamed, services } from './index.ts';

/**
 * Starts services by name; all of them when none is named. `ready` resolves when all of them are.
 * @throws Error for a name that there is not, and for a variable of a port that holds none.
 */
export async function startServices(config: Config, names: string[]) {
  const wanted = names.length > 0 ? names.map(serviceNamed) : services;
  // A port that is none is refused, also of a service that runs elsewhere: the environment is often that of all.
  for (const { name } of services) for (const one of [name, `${name}-operator`]) portOf(config, one);
  const others = Promise.withResolvers<unknown>();
  const settled = await Promise.allSettled(wanted.map(async ({ load }) => (await load())(config, others.promise)));
  const running = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) {
    // Else the gateway waits for them, and keeps the process for ten seconds.
    others.resolve(undefined);
    await stopAll(running);
    throw failed.reason;
  }
  const backing = running.filter(({ name }) => backingServices.some((service) => service.name === name));
  others.resolve(Promise.allSettled(backing.map((service) => service.ready)));
  const ready = Promise.all(running.map((service) => service.ready)).then(() => {});
  ready.catch(() => {});
  return {
    /** Each at an address that can be opened here, also where it listens on all of them. */
    services: running.map((one) => ({ ...one, url: openedAt(one.url) })),
    ready,
    [Symbol.asyncDispose]: () => stopAll(running),
  };
}

/** An address that can be opened on this machine, of one that may be all of its addresses. */
export function openedAt(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

async function stopAll(running: RunningService[]): Promise<void> {
  await Promise.allSettled(running.map((service) => service[Symbol.asyncDispose]()));
}
