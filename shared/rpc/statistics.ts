/** The state of service replicas, published in the statistics of the NATS services framework. */
import type { NatsConnection } from '@nats-io/nats-core';
import { type Endpoint, type NamedEndpointStats, type ServiceStats, Svcm } from '@nats-io/services';
import type { ServedOperation } from '../observe/served-operation.ts';

/** The state of a replica, part of its statistics. */
export interface ReplicaState {
  /** Problems that need an operator's decision, one sentence each. */
  problems: string[];
  /** Whether the replica's view contains everything that the streams held when it looked. */
  caughtUp: boolean;
  /** Position of the replica's view in each stream. */
  streams: { stream: string; sequence: number; lag: number }[];
}

/** Sets an endpoint's counts in the framework's statistics, which lack batched requests and some errors otherwise. */
export function report({ requests, lastError }: ServedOperation, endpoint: Endpoint): void {
  const { count, errors, seconds } = requests.metrics;
  const { stats } = endpoint as Endpoint & { stats: NamedEndpointStats };
  stats.num_requests = count;
  stats.num_errors = errors;
  stats.last_error = lastError;
  stats.processing_time = Math.round(seconds * 1e9);
  stats.average_processing_time = Math.round(stats.processing_time / Math.max(1, count));
}

/** Replicas answer within milliseconds, so a hanging one is not waited for longer than this. */
const wait = { strategy: 'stall', stall: 200, maxWait: 1000 } as const;

/** Returns the statistics of all replicas that answer, service by service, in the order in which they were started. */
export async function statisticsOf(nc: NatsConnection, names: readonly string[]): Promise<ServiceStats[]> {
  const client = new Svcm(nc).client(wait);
  const ofOne = async (name: string): Promise<ServiceStats[]> => {
    const replicas: ServiceStats[] = [];
    try {
      for await (const stats of await client.stats(name)) replicas.push(stats);
    } catch {
      // No responders: no replica is registered.
    }
    return replicas.sort((a, b) => a.started.localeCompare(b.started));
  };
  return (await Promise.all(names.map(ofOne))).flat();
}

/** Returns the state that a replica's statistics contain; null when they contain none. */
export function replicaStateIn({ endpoints = [] }: ServiceStats): ReplicaState | null {
  return (endpoints.find(({ data }) => data)?.data as ReplicaState | undefined) ?? null;
}

/** Returns the problems of all replicas of some services, without duplicates. */
export async function problemsOf(nc: NatsConnection, names: readonly string[]): Promise<string[]> {
  const replicas = await statisticsOf(nc, names);
  return [...new Set(replicas.flatMap((stats) => replicaStateIn(stats)?.problems ?? []))];
}
