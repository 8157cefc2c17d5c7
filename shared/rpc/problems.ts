/** What services say of themselves that an operator has to decide, to others who are asked about it. */
import type { NatsConnection } from '@nats-io/nats-core';
import { type ServiceStats, Svcm } from '@nats-io/services';

/** What a replica says in its statistics. */
export interface Told {
  problems: string[];
  /** Whether its view has all that the streams held. */
  caughtUp: boolean;
  /** How far its view is in each stream. */
  streams: { stream: string; sequence: number; lag: number }[];
}

/** Replicas answer within milliseconds; one that hangs is not waited for. */
const wait = { strategy: 'stall', stall: 200, maxWait: 1000 } as const;

/** The problems of all replicas of some services, once each. Those that do not answer have none to tell. */
export async function problemsOf(nc: NatsConnection, names: readonly string[]): Promise<string[]> {
  const told = await Promise.all(names.map((name) => problemsOfOne(nc, name).catch(() => [])));
  return [...new Set(told.flat())];
}

async function problemsOfOne(nc: NatsConnection, name: string): Promise<string[]> {
  const problems: string[] = [];
  const stats: AsyncIterable<ServiceStats> = await new Svcm(nc).client(wait).stats(name);
  for await (const { endpoints = [] } of stats) {
    for (const { data } of endpoints) problems.push(...((data as Told | null)?.problems ?? []));
  }
  return problems;
}
