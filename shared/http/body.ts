/** Reading the body of a request, with bounds for one and for all together. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { AppError, messageOf } from '../operations/errors.ts';
import type { FetchEnvironment } from './server.ts';

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
  const { incoming } = (c.env ?? {}) as FetchEnvironment;
  const request = c.req.raw;
  const length = incoming ? incoming.headers['content-length'] : request.headers.get('content-length');
  if (Number(length) > maxBodyBytes) throw tooLarge();
  const bytes = new BodyBytes();
  try {
    if (incoming) await readIncoming(incoming, bytes);
    else if (request.body) await readStream(request.body, bytes);
    return parseObject(bytes.text());
  } finally {
    bytes.release();
  }
}

/** The bytes of one body. What it holds of the common bound is given back however its reading ends. */
class BodyBytes {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  /** @throws AppError too_large; unavailable while too much is being read */
  add(chunk: Uint8Array): void {
    this.#size += chunk.length;
    bytesBeingRead += chunk.length;
    if (this.#size > maxBodyBytes) throw tooLarge();
    if (bytesBeingRead > maxBytesBeingRead) throw new AppError('unavailable', 'Too many large requests at once.');
    this.#chunks.push(chunk);
  }

  /** @throws AppError invalid for what is not UTF-8 */
  text(): string {
    const [first = new Uint8Array()] = this.#chunks;
    try {
      return utf8.decode(this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : first);
    } catch {
      throw new AppError('invalid', 'The body is not UTF-8.');
    }
  }

  release(): void {
    bytesBeingRead -= this.#size;
  }
}

/** Node's own request: its Request would put a stream of another kind around it, with a promise for each step. */
function readIncoming(incoming: IncomingMessage, bytes: BodyBytes): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      incoming.off('data', add);
      reject(error);
    };
    const add = (chunk: Buffer): void => {
      try {
        bytes.add(chunk);
      } catch (error) {
        refuse(error as AppError);
      }
    };
    incoming.on('data', add);
    incoming.on('end', resolve);
    // Nobody will hear it: whoever sends has gone.
    incoming.on('error', (error) => refuse(new AppError('invalid', `The body did not come: ${messageOf(error)}`)));
    incoming.on('close', () => {
      if (!incoming.complete) refuse(new AppError('invalid', 'The body did not come.'));
    });
  });
}

async function readStream(body: ReadableStream<Uint8Array>, bytes: BodyBytes): Promise<void> {
  const reader = body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void reader.cancel();
  }, patienceMs);
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) bytes.add(part.value);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('invalid', `The body did not come: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
  if (late) throw new AppError('invalid', 'The body did not come in time.');
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body may have ${maxBodyBytes} bytes.`);
}

/** A body without anything is an object without anything. @throws AppError invalid for what is no object. */
function parseObject(text: string): Record<string, unknown> {
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
