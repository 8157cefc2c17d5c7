/** Registry of all services. To add one, create its folder, import its contract here and add a line to `services`. */
import type { StartService } from '../shared/host.ts';
import type { Operation, ServiceContract } from '../shared/operations/operation.ts';
import { gatewayContract } from './gateway/contract.ts';
import { moviesContract } from './movies/contract.ts';
import { rankingContract } from './ranking/contract.ts';
import { reminderContract } from './reminder/contract.ts';
import { supportContract } from './support/contract.ts';
import { technicalSupportContract } from './technical-support/contract.ts';

export interface Service extends ServiceContract {
  /** Imports the service's code on demand, so that a process with one service does not load the others. */
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

/** Services that answer over NATS: all except the gateway, which forwards requests to them. */
export const backingServices: readonly Service[] = services.filter(({ overNats = true }) => overNats);

/** Finds a service by name. @throws Error for an unknown name */
export function serviceNamed(name: string): Service {
  const found = services.find((service) => service.name === name);
  if (!found) throw new Error(`There is no service ${name}. Available services: ${serviceNames.join(', ')}.`);
  return found;
}

/** Returns the operations of the given services in declaration order. */
export function operationsOf(chosen: readonly Service[]): Operation[] {
  return chosen.flatMap(({ operations }) => Object.values(operations));
}
