/**
 * Several requests, or several replies, in one message. Bodies of replies are passed through as text, never parsed on the
 * way.
 */
import type { GivenRequest } from '../observe/served-operation.ts';
import type { JsonResponse } from '../operations/endpoint.ts';
import { type AppError, toProblem } from '../operations/errors.ts';

/** Subject on which a service takes requests in batches. */
export function batchSubject(service: string): string {
  return `${service}.batch`;
}

/** The same for one replica of it. */
export function replicaSubject(service: string, replica: string): string {
  return `${batchSubject(service)}.${replica}`;
}

/** Subject on which the services framework answers that a replica is there. */
export function pingSubject(service: string, replica: string): string {
  return `$SRV.PING.${service}.${replica}`;
}

export interface RequestEntry extends GivenRequest {
  /** Subject of the operation. */
  subject: string;
  input: unknown;
}

export interface ReceivedRequest extends RequestEntry {
  /** Its place in its batch. */
  id: number;
  /** Milliseconds that the caller waits. */
  timeoutMs: number;
}

export interface ReplyEntry extends Partial<JsonResponse> {
  /** Place of the request in its batch. */
  id: number;
  status: number;
  body: string;
}

/** What is said of a reply; its body comes behind all of them. */
type ReplyHead = Omit<ReplyEntry, 'body'> & { length: number };

/** Part of a batch. @throws RangeError for an input that is nested too deeply: JSON.parse takes more than JSON.stringify. */
export function encodeRequest(entry: RequestEntry): string {
  return JSON.stringify(entry);
}

/** A JSON list: how long the callers wait, in milliseconds, and the requests. */
export function encodeRequests(timeoutMs: number, encoded: string[]): string {
  return `[${timeoutMs},${encoded.join()}]`;
}

/** @throws SyntaxError or TypeError when the message is not what encodeRequests makes. */
export function decodeRequests(text: string): ReceivedRequest[] {
  const [timeoutMs, ...entries] = JSON.parse(text) as [number, ...RequestEntry[]];
  if (typeof timeoutMs !== 'number') throw new TypeError('the batch does not begin with a time');
  return entries.map((entry, id) => {
    if (typeof entry.subject !== 'string') throw new TypeError('a request names no operation');
    const { token, user, from, traceparent, requestId, position } = entry;
    // Older callers say null of these three where there is none.
    const texts = [token ?? '', user ?? '', traceparent ?? '', from, requestId, position];
    if (!texts.every((text) => text === undefined || typeof text === 'string')) {
      throw new TypeError('what is said of a request is no text');
    }
    return Object.assign(entry, { id, timeoutMs, token: token ?? undefined, user: user ?? undefined });
  });
}

/**
 * A line of JSON with the replica that responds and the head of each reply, and the bodies behind it. Lengths count UTF-16
 * code units.
 */
export function encodeReplies(entries: ReplyEntry[], replica: string): string {
  const heads = entries.map(({ id, status, body, revision, location, position }): ReplyHead => {
    return { id, status, length: body.length, revision, location, position };
  });
  let text = `${JSON.stringify([replica, ...heads])}\n`;
  for (const { body } of entries) text += body;
  return text;
}

/** @throws SyntaxError or TypeError when the message is not what encodeReplies makes. */
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

/** Below what the broker takes in one message (1 MiB), with room for the index and headers. */
export const maxReplyBytes = 900_000;

/** Bytes of a text. Three for a code unit is the most: measuring each small text would be a fiftieth of a query. */
export function sizeOf(text: string): number {
  const most = text.length * 3;
  return most < maxReplyBytes / 4 ? most : Buffer.byteLength(text);
}

/** The reply to a request that was refused. */
export function problemReply(id: number, error: AppError): ReplyEntry {
  return { id, status: error.status, body: JSON.stringify(toProblem(error)) };
}
