/**
 * Several requests, or several replies, in one message: what comes together (gathering.ts) crosses the broker together.
 * Bodies of replies are passed through as text, never parsed on the way.
 */

export interface RequestEntry {
  /** Its place in the pack that it is sent in; replies have it too. */
  id: number;
  /** Subject of the operation. */
  subject: string;
  input: unknown;
  /** Milliseconds that the caller still waits. */
  timeoutMs: number;
  /** The caller's token, or in open mode the user. */
  token: string | null;
  user: string | null;
  traceparent: string | null;
  /** What the client calls the request, if it does. */
  requestId?: string | undefined;
}

export interface ReplyEntry {
  id: number;
  status: number;
  body: string;
  revision: number | string | null;
  location: string | null;
}

type RequestTuple = [number, string, unknown, number, string | null, string | null, string | null, string?];
type ReplyTuple = [number, number, number, number | string | null, string | null];

export function encodeRequests(frames: RequestEntry[]): string {
  return JSON.stringify(
    frames.map((f): RequestTuple => {
      const tuple: RequestTuple = [f.id, f.subject, f.input, f.timeoutMs, f.token, f.user, f.traceparent];
      if (f.requestId !== undefined) tuple.push(f.requestId);
      return tuple;
    }),
  );
}

/** @throws SyntaxError or TypeError when the message is not what encodeRequests makes. */
export function decodeRequests(text: string): RequestEntry[] {
  const tuples = JSON.parse(text) as RequestTuple[];
  return tuples.map(([id, subject, input, timeoutMs, token, user, traceparent, requestId]) => {
    const frame: RequestEntry = { id, subject, input, timeoutMs, token, user, traceparent };
    if (requestId !== undefined) frame.requestId = requestId;
    return frame;
  });
}

/**
 * A line of JSON that says where each body begins, and the bodies behind it. Lengths count UTF-16 code units. Last in the
 * line is the replica that answers: callers of before do not mind it.
 */
export function encodeReplies(frames: ReplyEntry[], replica: string): string {
  const index: (ReplyTuple | string)[] = frames.map((f) => [f.id, f.status, f.body.length, f.revision, f.location]);
  index.push(replica);
  let text = `${JSON.stringify(index)}\n`;
  for (const frame of frames) text += frame.body;
  return text;
}

export function decodeReplies(text: string): { frames: ReplyEntry[]; replica: string | undefined } {
  const end = text.indexOf('\n');
  const index = JSON.parse(text.slice(0, end)) as (ReplyTuple | string)[];
  // Replicas of before do not say who they are.
  const replica = typeof index.at(-1) === 'string' ? (index.pop() as string) : undefined;
  let offset = end + 1;
  const frames = (index as ReplyTuple[]).map(([id, status, length, revision, location]) => {
    const body = text.slice(offset, offset + length);
    offset += length;
    return { id, status, body, revision, location };
  });
  return { frames, replica };
}
