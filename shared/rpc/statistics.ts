/** What the replicas of services say of themselves, by the statistics of the services framework. */
import type { NatsConnection } from '@nats-io/nats-core';
import { type Endpoint, type NamedEndpointStats, type ServiceStats, Svcm } from '@nats-io/services';
import type { ServedOperation } from '../observe/served-operation.ts';

/** What a replica says in its statistics beside counts. */
export interface Told {
  /** What an operator has to decide, in a sentence each. */
  problems: string[];
  /** Whether its view has all that the streams held. */
  caughtUp: boolean;
  /** How far its view is in each stream. */
  streams: { stream: string; sequence: number; lag: number }[];
}

/** Puts counts where the framework takes them from: it knows of single requests only, and not how they ended. */
export function report({ requests, lastError }: ServedOperation, endpoint: Endpoint): void {
  const { count, errors, seconds } = requests.metrics;
  const { stats } = endpoint as Endpoint & { stats: NamedEndpointStats };
  stats.num_requests = count;
  stats.num_errors = errors;
  stats.last_error = lastError;
  stats.processing_time = Math.round(seconds * 1e9);
  stats.average_processing_time = Math.round(stats.processing_time / Math.max(1, count));
}

/** Replicas answer within milliseconds; one that hangs is not waited for. */
const wait = { strategy: 'stall', stall: 200, maxWait: 1000 } as const;

/** Every replica of some services that answers, in the order in which they were started. */
export async function statisticsOf(nc: NatsConnection, names: readonly string[]): Promise<ServiceStats[]> {
  const client = new Svcm(nc).client(wait);
  const ofOne = async (name: string): Promise<ServiceStats[]> => {
    const replicas: ServiceStats[] = [];
    try {
      for await (const stats of await client.stats(name)) replicas.push(stats);
    } catch {
      // Nobody listens: no replica is registered.
    }
    return replicas.sort((a, b) => a.started.localeCompare(b.started));
  };
  return (await Promise.all(names.map(ofOne))).flat();
}

export function toldBy({ endpoints = [] }: ServiceStats): Told | null {
  return (endpoints.find(({ data }) => data)?.data as Told | undefined) ?? null;
}

/** The problems of all replicas of some services, once each. */
export async function problemsOf(nc: NatsConnection, names: readonly string[]): Promise<string[]> {
  const replicas = await statisticsOf(nc, names);
  return [...new Set(replicas.flatMap((stats) => toldBy(stats)?.problems ?? []))];
}
