/**
 * Several requests, or several replies, in one message. Bodies of replies are passed through as text, never parsed on the
 * way.
 */

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

export interface RequestEntry {
  /** Subject of the operation. */
  subject: string;
  input: unknown;
  /** The caller's token, or in open mode the user. */
  token: string | null;
  user: string | null;
  traceparent: string | null;
  /** What the client calls the request, if it does. */
  requestId?: string | undefined;
  /** What it must be able to see (positions.ts). */
  position?: string | undefined;
}

/** A request as it arrives. */
export interface ReceivedRequest extends RequestEntry {
  /** Its place in its batch. */
  id: number;
  /** Milliseconds that the caller waits. */
  timeoutMs: number;
}

export interface ReplyEntry {
  /** Place of the request in its batch. */
  id: number;
  status: number;
  body: string;
  revision: number | string | null;
  location: string | null;
  /** Behind what was written. */
  position?: string | undefined;
}

type RequestTuple = [string, unknown, string | null, string | null, string | null, (string | null)?, string?];
type ReplyTuple = [number, number, number, number | string | null, string | null, string?];

/** Part of a batch. @throws RangeError for an input that is nested too deeply: JSON.parse takes more than JSON.stringify. */
export function encodeRequest(entry: RequestEntry): string {
  const { subject, input, token, user, traceparent, requestId, position } = entry;
  const tuple: RequestTuple = [subject, input, token, user, traceparent];
  if (requestId !== undefined || position !== undefined) tuple.push(requestId ?? null);
  if (position !== undefined) tuple.push(position);
  return JSON.stringify(tuple);
}

/** A JSON list: how long the callers wait, in milliseconds, and the requests. */
export function encodeRequests(timeoutMs: number, encoded: string[]): string {
  return `[${timeoutMs},${encoded.join()}]`;
}

/** @throws SyntaxError or TypeError when the message is not what encodeRequests makes. */
export function decodeRequests(text: string): ReceivedRequest[] {
  const [timeoutMs, ...tuples] = JSON.parse(text) as [number, ...RequestTuple[]];
  if (typeof timeoutMs !== 'number') throw new TypeError('the batch does not begin with a time');
  return tuples.map(([subject, input, token, user, traceparent, requestId, position], id) => {
    return { id, subject, input, timeoutMs, token, user, traceparent, requestId: requestId ?? undefined, position };
  });
}

/**
 * A line of JSON that says where each body begins and, last, which replica responds; and the bodies behind it. Lengths
 * count UTF-16 code units.
 */
export function encodeReplies(entries: ReplyEntry[], replica: string): string {
  const index = entries.map((e): ReplyTuple | string => {
    const tuple: ReplyTuple = [e.id, e.status, e.body.length, e.revision, e.location];
    if (e.position !== undefined) tuple.push(e.position);
    return tuple;
  });
  index.push(replica);
  let text = `${JSON.stringify(index)}\n`;
  for (const { body } of entries) text += body;
  return text;
}

/** @throws SyntaxError or TypeError when the message is not what encodeReplies makes. */
export function decodeReplies(text: string): { entries: ReplyEntry[]; replica: string } {
  const end = text.indexOf('\n');
  const index = JSON.parse(text.slice(0, end)) as (ReplyTuple | string)[];
  const replica = index.pop();
  if (typeof replica !== 'string') throw new TypeError('the replies name no replica');
  let offset = end + 1;
  const entries = (index as ReplyTuple[]).map(([id, status, length, revision, location, position]) => {
    const body = text.slice(offset, offset + length);
    offset += length;
    return { id, status, body, revision, location, position };
  });
  return { entries, replica };
}
