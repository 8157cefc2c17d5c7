/** Queries the state of the system: the replicas of the services, the progress of their views, and the streams. */
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
  /** Total duration of all requests. */
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

const timeoutMs = 700;

/** Returns every replica of the services that responds. */
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
    milliseconds: sum(({ processing_time }) => processing_time) / 1e6,
    state: replicaStateIn(stats),
  };
}

/** Returns the state of each stream, without those that do not exist. */
export async function streamStates({ nc }: Link): Promise<StreamState[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: timeoutMs });
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

/** Returns the number of dead letters that are neither replayed nor dropped. */
export async function lettersWaiting({ nc }: Link): Promise<number> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: timeoutMs });
  const { state } = await jsm.streams.info(deadLetterStream, { subjects_filter: 'deadletters.*.*.*.failed' });
  return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
}
