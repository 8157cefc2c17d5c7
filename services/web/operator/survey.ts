/** Queries the state of the system: the replicas of the services, the progress of their views, and the streams. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { NamedEndpointStats, ServiceStats } from '@nats-io/services';
import type { Link } from '../../../shared/broker/connection.ts';
import { deadLetterStream } from '../../../shared/broker/dead-letters.ts';
import { findStream } from '../../../shared/broker/lost-stream.ts';
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
  /** Undefined if the broker did not answer about the stream. */
  state: { messages: number; bytes: number; lastSequence: number } | undefined;
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

/** Returns the streams that exist or may exist, with their states. */
export async function streamStates({ nc }: Link): Promise<StreamState[]> {
  const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: timeoutMs });
  const asked = streams.map(async ({ name, description = '' }): Promise<StreamState[]> => {
    try {
      const info = await findStream(jsm, name);
      if (!info) return [];
      const { messages, bytes, last_seq: lastSequence } = info.state;
      return [{ name, description, state: { messages, bytes, lastSequence } }];
    } catch {
      return [{ name, description, state: undefined }];
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
