/**
 * Snapshots of streams over the broker's own API ($JS.API.STREAM.SNAPSHOT and RESTORE), which the client library does
 * not offer. A snapshot has everything: sequences, times, headers and schedules; and is taken while writes go on.
 */
import type { StreamConfig, StreamState } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { within } from '../shared/process/within.ts';

/** What the broker says of a stream as it is in a snapshot. */
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
 * Takes a snapshot and gives it piece by piece to `write`, which must be done with a piece when it returns.
 * @throws Error when the broker refuses, or stops sending in the middle.
 */
export async function takeSnapshot(
  nc: NatsConnection,
  stream: string,
  write: (piece: Uint8Array) => void,
): Promise<SnapshotInfo> {
  const inbox = createInbox();
  const subscription = nc.subscribe(inbox);
  const pieces = subscription[Symbol.asyncIterator]();
  try {
    const request = { deliver_subject: inbox, chunk_size: chunkBytes, no_consumers: true, jsck: true };
    const reply = await nc.request(`$JS.API.STREAM.SNAPSHOT.${stream}`, JSON.stringify(request), {
      timeout: timeoutMs,
    });
    const info = checked(reply.json<SnapshotInfo & ApiReply>(), `the snapshot of ${stream}`);
    for (;;) {
      const piece = await next(pieces, stream);
      if (piece.data.length === 0) {
        const status = piece.headers?.code ?? 204;
        if (status >= 400) throw new Error(`the snapshot of ${stream} was broken off: ${piece.headers?.description}`);
        return { config: info.config, state: info.state };
      }
      write(piece.data);
      // The broker sends the next pieces when it knows that these have come.
      piece.respond(done);
    }
  } finally {
    subscription.unsubscribe();
  }
}

async function next(pieces: AsyncIterator<Msg>, stream: string): Promise<Msg> {
  const piece = await within(pieces.next(), timeoutMs);
  if (!piece) throw new Error(`the snapshot of ${stream} stopped in the middle`);
  if (piece.done) throw new Error(`the connection was lost in the snapshot of ${stream}`);
  return piece.value;
}

/**
 * Makes a stream from a snapshot. The stream must not exist.
 * @throws Error when the broker refuses the stream or a piece.
 */
export async function putSnapshot(
  nc: NatsConnection,
  { config, state }: SnapshotInfo,
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  const what = `restoring ${config.name}`;
  const options = { timeout: timeoutMs };
  const begun = await nc.request(`$JS.API.STREAM.RESTORE.${config.name}`, JSON.stringify({ config, state }), options);
  const { deliver_subject: target } = checked(begun.json<{ deliver_subject: string } & ApiReply>(), what);
  for (const piece of pieces) {
    const reply = await nc.request(target, piece, options);
    if (reply.data.length > 0) checked(reply.json<ApiReply>(), what);
  }
  checked((await nc.request(target, done, options)).json<ApiReply>(), what);
}
