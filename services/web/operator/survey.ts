/** How the system is right now: who answers on the broker, how far their views are, and what the streams hold. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NamedEndpointStats, ServiceStats } from '@nats-io/services';
import type { Link } from '../../../shared/broker/connection.ts';
import { deadLetterStream } from '../../../shared/broker/dead-letters.ts';
import { type ReplicaState, replicaStateIn, statisticsOf } from '../../../shared/rpc/statistics.ts';
import { streams } from '../../../streams/index.ts';

export interface Replica {
  service: string;
  id: string;
  version: string;
  /** ISO time. */
  started: string;
  requests: number;
  errors: number;
  /** Of all requests together. */
  milliseconds: number;
  /** The state that the replica reports; null when it reports none. */
  state: ReplicaState | null;
}

export interface StreamState {
  name: string;
  description: string;
  messages: number;
  bytes: number;
  lastSequence: number;
}

const answersWithinMs = 700;

/** Every replica of some services that answers. */
export async function replicasOf({ nc }: Link, names: readonly string[]): Promise<Replica[]> {
  return (await statisticsOf(nc, names)).map(replicaOf);
}

function replicaOf(stats: ServiceStats): Replica {
  const { name, id, version, started, endpoints = [] } = stats;
  const sum = (of: (endpoint: NamedEndpointStats) => number): number =>
    endpoints.reduce((total, endpoint) => total + (of(endpoint) || 0), 0);
  return {
    service: name,
    id,
    version,
    started,
    requests: sum(({ num_requests }) => num_requests),
    errors: sum(({ num_errors }) => num_errors),
    milliseconds: sum(({ processing_time }) => processing_time) / 1e6,
    state: replicaStateIn(stats),
  };
}

/** Each stream with its size; one that there is not is left out. */
export async function streamStates({ nc }: Link): Promise<StreamState[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: answersWithinMs });
  const asked = streams.map(async ({ name, description = '' }): Promise<StreamState[]> => {
    try {
      const { state } = await jsm.streams.info(name);
      const { messages, bytes, last_seq: lastSequence } = state;
      return [{ name, description, messages, bytes, lastSequence }];
    } catch {
      return [];
    }
  });
  return (await Promise.all(asked)).flat();
}

/** How many dead letters wait. */
export async function lettersWaiting({ nc }: Link): Promise<number> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: answersWithinMs });
  const { state } = await jsm.streams.info(deadLetterStream, { subjects_filter: 'deadletters.*.*.*.failed' });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}
