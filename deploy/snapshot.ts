/**
 * Snapshots of streams through the broker's API ($JS.API.STREAM.SNAPSHOT and RESTORE), which the client library does
 * not offer. A snapshot contains sequences, times, headers and schedules, and is taken while the stream accepts writes.
 */
import type { StreamConfig, StreamState } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { within } from '../shared/process/within.ts';

/** The broker's description of the stream in a snapshot. */
export interface SnapshotInfo {
  config: StreamConfig;
  state: StreamState;
}

interface ApiReply {
  error?: { code: number; err_code?: number; description: string };
}

const chunkBytes = 128 * 1024;
const timeoutMs = 30_000;
const done = '';

function checked<T extends ApiReply>(reply: T, what: string): T {
  if (reply.error) throw new Error(`${what}: ${reply.error.description}`);
  return reply;
}

/**
 * Takes a snapshot.
 * @param write called with each chunk, which it must not use after it returns
 * @throws Error when the broker refuses, or stops before the end
 */
export async function takeSnapshot(
  nc: NatsConnection,
  stream: string,
  write: (chunk: Uint8Array) => void,
): Promise<SnapshotInfo> {
  const inbox = createInbox();
  const subscription = nc.subscribe(inbox);
  const chunks = subscription[Symbol.asyncIterator]();
  try {
    const request = { deliver_subject: inbox, chunk_size: chunkBytes, no_consumers: true, jsck: true };
    const reply = await nc.request(`$JS.API.STREAM.SNAPSHOT.${stream}`, JSON.stringify(request), {
      timeout: timeoutMs,
    });
    const info = checked(reply.json<SnapshotInfo & ApiReply>(), `the snapshot of ${stream}`);
    for (;;) {
      const chunk = await next(chunks, stream);
      if (chunk.data.length === 0) {
        const status = chunk.headers?.code ?? 204;
        if (status >= 400) throw new Error(`the snapshot of ${stream} was aborted: ${chunk.headers?.description}`);
        return { config: info.config, state: info.state };
      }
      write(chunk.data);
      // The broker sends further chunks as these are acknowledged.
      chunk.respond(done);
    }
  } finally {
    subscription.unsubscribe();
  }
}

async function next(chunks: AsyncIterator<Msg>, stream: string): Promise<Msg> {
  const result = await within(chunks.next(), timeoutMs);
  if (!result) throw new Error(`the snapshot of ${stream} stopped before its end`);
  if (result.done) throw new Error(`the connection was lost during the snapshot of ${stream}`);
  return result.value;
}

/**
 * Creates a stream from a snapshot. The stream must not exist.
 * @throws Error when the broker refuses the stream or a chunk
 */
export async function putSnapshot(
  nc: NatsConnection,
  { config, state }: SnapshotInfo,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  const what = `restoring ${config.name}`;
  const options = { timeout: timeoutMs };
  const started = await nc.request(`$JS.API.STREAM.RESTORE.${config.name}`, JSON.stringify({ config, state }), options);
  const { deliver_subject: target } = checked(started.json<{ deliver_subject: string } & ApiReply>(), what);
  for (const chunk of chunks) {
    const reply = await nc.request(target, chunk, options);
    if (reply.data.length > 0) checked(reply.json<ApiReply>(), what);
  }
  checked((await nc.request(target, done, options)).json<ApiReply>(), what);
}
