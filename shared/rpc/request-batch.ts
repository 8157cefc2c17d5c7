/** Requests to a service that go out in one message, and wait for their replies. */
import type { Msg } from '@nats-io/nats-core';
import { Batcher } from '../broker/batcher.ts';
import { AppError } from '../operations/errors.ts';
import { decodeReplies, encodeRequest, type ReplyEntry, type RequestEntry } from './wire-format.ts';

/** A request that waits for its reply. */
export interface PendingRequest {
  /** As it is sent. */
  text: string;
  bytes: number;
  /** When nobody waits any more, by performance.now(). */
  deadline: number;
  /** Whether it may be sent to a second replica. */
  mayHedge: boolean;
  /** Messages that it is in and that may still be answered. */
  inFlight: number;
  resolve: (reply: ReplyEntry) => void;
  reject: (error: AppError) => void;
}

/** Batches to a service that may be unanswered at once: fewer leave processes idle, more are no faster. */
const maxConcurrent = 4;
const maxBatchBytes = 400_000;
/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxRequestBytes = 1_040_000;

/** @throws AppError too_large; invalid for an input that is nested too deeply. */
export function encodedRequest(entry: RequestEntry): Pick<PendingRequest, 'text' | 'bytes'> {
  let text: string;
  try {
    text = encodeRequest(entry);
  } catch (error) {
    throw new AppError('invalid', 'The request is nested too deeply.', { cause: error });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxRequestBytes) throw new AppError('too_large', 'The request does not fit in one message.');
  return { text, bytes };
}

/** Collects the requests to one service: those that come together and wait for about as long go together. */
export class RequestBatcher {
  readonly #send: (requests: PendingRequest[]) => Promise<void>;
  /** One timer is for all of a batch, so nobody is in one with those who wait much longer. */
  readonly #byPatience = new Map<number, Batcher<PendingRequest>>();

  constructor(send: (requests: PendingRequest[]) => Promise<void>) {
    this.#send = send;
  }

  add(request: PendingRequest): void {
    const patience = Math.round(Math.log2(Math.max(1, request.deadline - performance.now())) * 16);
    let batcher = this.#byPatience.get(patience);
    if (!batcher) {
      const sizeOf = ({ bytes }: PendingRequest): number => bytes;
      batcher = new Batcher({ run: this.#send, maxConcurrent, maxBytes: maxBatchBytes, sizeOf });
      this.#byPatience.set(patience, batcher);
    }
    batcher.add(request);
  }
}

/** Requests in one message on its way to a service. */
export class InFlightBatch {
  /** By performance.now(). */
  readonly sentAt = performance.now();
  /** The only replica that it was sent to, if it was. */
  readonly replica: string | undefined;
  /** By their place in it; undefined where it was answered. */
  readonly #requests: (PendingRequest | undefined)[];
  #open: number;

  constructor(requests: PendingRequest[], replica: string | undefined) {
    this.#requests = requests.slice();
    this.#open = requests.length;
    this.replica = replica;
  }

  get done(): boolean {
    return this.#open === 0;
  }

  /** The requests that this message has not brought a reply to. */
  get open(): PendingRequest[] {
    return this.#requests.filter((request) => request !== undefined);
  }

  /** Hands replies to those who wait. Gives the replica that responded; undefined where the message is no reply of ours. */
  receive(message: Msg): string | undefined {
    let decoded: ReturnType<typeof decodeReplies>;
    try {
      decoded = decodeReplies(message.string());
    } catch {
      // Thrown, it would end the connection's reader.
      return undefined;
    }
    for (const reply of decoded.entries) {
      const request = this.#requests[reply.id];
      if (!request) continue;
      this.#requests[reply.id] = undefined;
      this.#open--;
      request.resolve(reply);
    }
    return decoded.replica;
  }
}
