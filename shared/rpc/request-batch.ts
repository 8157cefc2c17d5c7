/** Which requests to a service go out in one message. */
import { AppError } from '../operations/errors.ts';
import { encodeRequests, type RequestEntry } from './wire-format.ts';

const maxPackBytes = 400_000;
/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxMessageBytes = 1_040_000;
/** One timer is for all of a pack, so nobody is in one with those who wait much longer. */
const togetherMs = 50;

/** A number has no more, most of the time. */
const mostDigits = 20;

const encoder = new TextEncoder();

interface Pack<T> {
  requests: T[];
  bytes: number;
  timeoutMs: number;
}

/** Puts requests into packs that most likely fit into a message, each with others that wait for about as long. */
export function batchesOf<T extends { frame: RequestEntry }>(all: T[]): T[][] {
  const packs: Pack<T>[] = [];
  for (const request of all) {
    const { timeoutMs } = request.frame;
    const bytes = sizeOf(request.frame);
    const fitting = packs.findLast(
      (pack) => pack.bytes + bytes <= maxPackBytes && Math.abs(pack.timeoutMs - timeoutMs) <= togetherMs,
    );
    if (fitting) {
      fitting.requests.push(request);
      fitting.bytes += bytes;
    } else packs.push({ requests: [request], bytes, timeoutMs });
  }
  return packs.map(({ requests }) => requests);
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
 * The message of a pack.
 * @throws AppError too_large; invalid for an input that is nested too deeply. One request of a pack may be to blame.
 */
export function encodeBatch(frames: RequestEntry[]): Uint8Array {
  let text: string;
  try {
    text = encodeRequests(frames);
  } catch (error) {
    // JSON.parse takes what JSON.stringify has no stack for.
    throw new AppError('invalid', 'The request is nested too deeply.', { cause: error });
  }
  const data = encoder.encode(text);
  if (data.length > maxMessageBytes) throw new AppError('too_large', 'The request does not fit in one message.');
  return data;
}
