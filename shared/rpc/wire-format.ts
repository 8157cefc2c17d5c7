/** The format of NATS messages with several requests or replies. Reply bodies pass through as text, unparsed. */
import type { GivenRequest } from '../observe/served-operation.ts';
import type { JsonResponse } from '../operations/endpoint.ts';
import { type AppError, toProblem } from '../operations/errors.ts';

/** Subject on which any replica of a service accepts batches of requests. */
export function batchSubject(service: string): string {
  return `${service}.batch`;
}

/** Subject on which one replica of a service, or one group of its replicas, accepts batches of requests. */
export function replicaSubject(service: string, replica: string): string {
  return `${batchSubject(service)}.${replica}`;
}

/** Subject on which the services framework answers pings for one replica. */
export function pingSubject(service: string, replica: string): string {
  return `$SRV.PING.${service}.${replica}`;
}

export interface RequestEntry extends GivenRequest {
  /** Subject of the operation. */
  subject: string;
  input: unknown;
}

export interface ReceivedRequest extends RequestEntry {
  /** Index of the request in its batch. */
  id: number;
  /** How long the caller waits for the reply, in milliseconds. */
  timeoutMs: number;
}

export interface ReplyEntry extends Partial<JsonResponse> {
  /** Index of the request in its batch. */
  id: number;
  status: number;
  body: string;
}

/** A reply without its body, which follows after the heads of all replies. `length` is the body's length. */
type ReplyHead = Omit<ReplyEntry, 'body'> & { length: number };

/** Encodes a batch: a JSON array of the callers' timeout in milliseconds, followed by the requests. */
export function encodeRequests(timeoutMs: number, encoded: string[]): string {
  return `[${timeoutMs},${encoded.join()}]`;
}

/** @throws SyntaxError or TypeError when the message was not written by encodeRequests */
export function decodeRequests(text: string): ReceivedRequest[] {
  const [timeoutMs, ...entries] = JSON.parse(text) as [number, ...RequestEntry[]];
  if (typeof timeoutMs !== 'number') throw new TypeError('the batch does not start with a timeout');
  return entries.map((entry, id) => {
    if (typeof entry.subject !== 'string') throw new TypeError('a request names no operation');
    const { token, user, from, traceparent, requestId, position } = entry;
    // Older callers send null for these three instead of leaving them out.
    const texts = [token ?? '', user ?? '', traceparent ?? '', from, requestId, position];
    if (!texts.every((text) => text === undefined || typeof text === 'string')) {
      throw new TypeError('a field of the request is not a string');
    }
    return Object.assign(entry, { id, timeoutMs, token: token ?? undefined, user: user ?? undefined });
  });
}

/**
 * Encodes replies: one line of JSON with the id of the responding replica and the head of each reply, followed by the
 * bodies. Lengths are in UTF-16 code units.
 */
export function encodeReplies(entries: ReplyEntry[], replica: string): string {
  const heads = entries.map(({ id, status, body, revision, location, position }): ReplyHead => {
    return { id, status, length: body.length, revision, location, position };
  });
  let text = `${JSON.stringify([replica, ...heads])}\n`;
  for (const { body } of entries) text += body;
  return text;
}

/** @throws SyntaxError or TypeError when the message was not written by encodeReplies */
export function decodeReplies(text: string): { entries: ReplyEntry[]; replica: string } {
  let end = text.indexOf('\n') + 1;
  const [replica, ...heads] = JSON.parse(text.slice(0, end)) as [string, ...ReplyHead[]];
  if (typeof replica !== 'string') throw new TypeError('the replies name no replica');
  const entries = heads.map(({ id, status, length, revision, location, position }) => {
    const begin = end;
    end += length;
    return { id, status, body: text.slice(begin, end), revision, location, position };
  });
  return { entries, replica };
}

/** Limit for the bodies of one message: below the broker's maximum payload (1 MiB), with room for heads and headers. */
export const maxReplyBytes = 900_000;

/** Size of a text in bytes, for small texts an upper bound: measuring them would take a fiftieth of a query's time. */
export function sizeOf(text: string): number {
  const most = text.length * 3;
  return most < maxReplyBytes / 4 ? most : Buffer.byteLength(text);
}

/** Builds the reply to a request that failed. */
export function problemReply(id: number, error: AppError): ReplyEntry {
  return { id, status: error.status, body: JSON.stringify(toProblem(error)) };
}
