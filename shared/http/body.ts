/** Reading the body of a request, with bounds for one and for all together. */
import type { Context } from 'hono';
import { AppError, messageOf } from '../operations/errors.ts';
import { type FetchEnvironment, headerOf } from './request-headers.ts';

/** The longest input that any operation takes has 27,000 characters, of six bytes each at most. */
const maxBodyBytes = 262_144;
/** Of all bodies that are being read, so that a burst that never ends them leaves memory for the others. */
const maxBytesBeingRead = 32_000_000;
/** Clients that send slowly are waited for so long, in milliseconds; on Node the server does that (server.ts). */
const patienceMs = 30_000;
let bytesBeingRead = 0;

/** Leaves out a byte order mark, with which some editors begin a file. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The JSON object in a body; an empty one where there is no body.
 * @throws AppError invalid; too_large; unavailable while too much is being read
 */
export async function readObject(c: Context): Promise<Record<string, unknown>> {
  const environment = (c.env ?? {}) as FetchEnvironment;
  if (Number(headerOf(c.req.raw, environment, 'content-length')) > maxBodyBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunksOf(c.req.raw, environment)) {
      size += chunk.length;
      bytesBeingRead += chunk.length;
      if (size > maxBodyBytes) throw tooLarge();
      if (bytesBeingRead > maxBytesBeingRead) throw new AppError('unavailable', 'Too many large requests at once.');
      chunks.push(chunk);
    }
  } catch (error) {
    // Where it is not ours, nobody may hear it: whoever sends has gone.
    throw error instanceof AppError ? error : new AppError('invalid', `The body did not come: ${messageOf(error)}`);
  } finally {
    bytesBeingRead -= size;
  }
  return parseObject(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
}

/** Node's own request: its Request would put a stream of another kind around it, with a promise for each step. */
function chunksOf(request: Request, { incoming }: FetchEnvironment): AsyncIterable<Uint8Array> | Uint8Array[] {
  if (incoming?.complete || incoming?.readableLength === Number(incoming?.headers['content-length'])) {
    // All of it is here already, as that of most requests is, though Node may not have noticed: often nothing.
    const whole = incoming.read() as Uint8Array | null;
    // So that it ends at once: to a request that has not ended @hono/node-server adds listeners and timers.
    incoming.resume();
    return whole ? [whole] : [];
  }
  // Left open where the reading ends early: the refusal goes out on its connection.
  if (incoming) return incoming.iterator({ destroyOnReturn: false });
  return request.body?.pipeThrough(new TransformStream(), { signal: AbortSignal.timeout(patienceMs) }) ?? [];
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body may have ${maxBodyBytes} bytes.`);
}

/** A body without anything is an object without anything. @throws AppError invalid for what is no object, or no UTF-8 */
function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw new AppError('invalid', 'The body is not UTF-8.');
  }
  if (text.trim() === '') return {};
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new AppError('invalid', `The body is not JSON: ${messageOf(error)}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('invalid', 'The body must be a JSON object.');
  }
  return body as Record<string, unknown>;
}
