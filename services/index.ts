/** Every service of the system: a new one needs its folder, and here its contract and its line. */
import type { StartService } from '../shared/host.ts';
import type { Operation, ServiceContract } from '../shared/operations/operation.ts';
import { gatewayContract } from './gateway/contract.ts';
import { moviesContract } from './movies/contract.ts';
import { rankingContract } from './ranking/contract.ts';
import { reminderContract } from './reminder/contract.ts';
import { supportContract } from './support/contract.ts';
import { technicalSupportContract } from './technical-support/contract.ts';

export interface Service extends ServiceContract {
  /** Loads its code: one service alone must not pay for the others. */
  load(): Promise<StartService>;
}

export const services: readonly Service[] = [
  { ...gatewayContract, load: async () => (await import('./gateway/service.ts')).gatewayOf(services) },
  { ...moviesContract, load: async () => (await import('./movies/service.ts')).startMovies },
  { ...rankingContract, load: async () => (await import('./ranking/service.ts')).startRanking },
  { ...reminderContract, load: async () => (await import('./reminder/service.ts')).startReminder },
  { ...supportContract, load: async () => (await import('./support/service.ts')).startSupport },
  {
    ...technicalSupportContract,
    load: async () => (await import('./technical-support/service.ts')).startTechnicalSupport,
  },
];

export const serviceNames: readonly string[] = services.map(({ name }) => name);

/** Those that answer over NATS: all but the gateway, which forwards to them. */
export const backingServices: readonly Service[] = services.filter(({ overNats = true }) => overNats);

/** @throws Error for a name that there is not. */
export function serviceNamed(name: string): Service {
  const found = services.find((service) => service.name === name);
  if (!found) throw new Error(`There is no service ${name}. There are: ${serviceNames.join(', ')}.`);
  return found;
}

/** The operations of some services, in the order of their declaration. */
export function operationsOf(some: readonly Service[]): Operation[] {
  return some.flatMap(({ operations }) => Object.values(operations));
}
