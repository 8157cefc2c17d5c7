/** Starts and stops several services together. */
import type { RunningService, StartService } from '../shared/host.ts';
import { type Config, portOf } from '../shared/process/config.ts';
import { backingServices, type Service, serviceNamed, services } from './index.ts';

/**
 * Starts services by name, or all of them if `names` is empty. `ready` resolves when all of them are ready.
 * @throws Error for an unknown name or an invalid port variable; a service's own error if it cannot start
 */
export async function startServices(config: Config, names: string[]) {
  const wanted = names.length > 0 ? names.map(serviceNamed) : services;
  // Checks the ports of all services, because processes that run different services often share an environment.
  for (const { name } of services) for (const one of [name, `${name}-operator`]) portOf(config, one);
  const others = Promise.withResolvers<unknown>();
  const settled = await Promise.allSettled(
    wanted.map(async (service) => (await loaded(service))(config, others.promise)),
  );
  const running = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = settled.find((result) => result.status === 'rejected');
  if (failed) {
    // Otherwise the gateway waits for the others, and delays the exit by ten seconds.
    others.resolve(undefined);
    await stopAll(running);
    throw failed.reason;
  }
  const backing = running.filter(({ name }) => backingServices.some((service) => service.name === name));
  others.resolve(Promise.allSettled(backing.map((service) => service.ready)));
  const ready = Promise.all(running.map((service) => service.ready)).then(() => {});
  ready.catch(() => {});
  return {
    /** The services, each with a URL that can be opened on this machine. */
    services: running.map((one) => ({ ...one, url: openedAt(one.url) })),
    ready,
    [Symbol.asyncDispose]: () => stopAll(running),
  };
}

/** Loads a service's module. @throws Error that names the option that Node needs, if it cannot read JSX */
async function loaded({ name, load }: Service): Promise<StartService> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    const remedy = 'start node with --import ./deploy/jsx.ts';
    throw new Error(`Node cannot read the pages of ${name}, which are .tsx files: ${remedy}`, { cause: error });
  }
}

/** Returns a URL with loopback in place of the wildcard address, so that it can be opened on this machine. */
export function openedAt(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

async function stopAll(running: RunningService[]): Promise<void> {
  await Promise.allSettled(running.map((service) => service[Symbol.asyncDispose]()));
}
