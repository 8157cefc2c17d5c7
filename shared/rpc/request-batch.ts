/** Which requests to a service go out in one message. */
import { Batcher } from '../broker/batcher.ts';
import { AppError } from '../operations/errors.ts';
import { encodeRequests, type ReplyEntry, type RequestEntry } from './wire-format.ts';

/** A request that waits for its reply. */
export interface PendingRequest {
  entry: RequestEntry;
  /** When nobody waits any more, by performance.now(). */
  deadline: number;
  /** Whether it may be sent to a second replica. */
  mayHedge: boolean;
  /** Messages that it is in and that may still be answered. */
  inFlight: number;
  resolve: (reply: ReplyEntry) => void;
  reject: (error: AppError) => void;
}

/** A burst goes out in messages of so many: whoever is asked begins while the rest is still being read. */
const flushAt = 32;
const maxBytes = 400_000;
/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxMessageBytes = 1_040_000;
/** A number has no more, most of the time. */
const mostDigits = 20;
const encoder = new TextEncoder();

/** Collects the requests to one service. Those of one turn of the event loop that wait for about as long go together. */
export class RequestBatcher {
  readonly #send: (requests: PendingRequest[]) => void;
  /** One timer is for all of a batch, so nobody is in one with those who wait much longer. */
  readonly #byPatience = new Map<number, Batcher<PendingRequest>>();

  constructor(send: (requests: PendingRequest[]) => void) {
    this.#send = send;
  }

  add(request: PendingRequest): void {
    const patience = Math.round(Math.log2(Math.max(1, request.deadline - performance.now())) * 4);
    let batcher = this.#byPatience.get(patience);
    if (!batcher) {
      batcher = new Batcher({ run: this.#send, flushAt, maxBytes, sizeOf: ({ entry }) => sizeOf(entry) });
      this.#byPatience.set(patience, batcher);
    }
    batcher.add(request);
  }
}

/** A guess. Large inputs are counted, small ones are not worth it; what cannot be encoded goes alone. */
function sizeOf({ input, token, user }: RequestEntry): number {
  let size = 200 + (token?.length ?? 0) + (user?.length ?? 0) * 2;
  try {
    for (const value of Object.values(input as Record<string, unknown>)) {
      if (typeof value === 'string') size += value.length * 2;
      else if (Array.isArray(value) && typeof value[0] === 'number') size += value.length * mostDigits;
      else if (typeof value === 'object' && value !== null) size += JSON.stringify(value).length;
    }
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  return size;
}

/**
 * The message of a batch.
 * @throws AppError too_large; invalid for an input that is nested too deeply. One request of a batch may be to blame.
 */
export function encodeBatch(entries: RequestEntry[]): Uint8Array {
  let text: string;
  try {
    text = encodeRequests(entries);
  } catch (error) {
    // JSON.parse takes what JSON.stringify has no stack for.
    throw new AppError('invalid', 'The request is nested too deeply.', { cause: error });
  }
  const data = encoder.encode(text);
  if (data.length > maxMessageBytes) throw new AppError('too_large', 'The request does not fit in one message.');
  return data;
}
