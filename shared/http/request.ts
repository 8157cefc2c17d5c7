/** Reading a request over HTTP: what its headers say, and the input of an operation in its path, query, body and headers. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { z } from 'zod';
import type { GivenRequest } from '../observe/served-operation.ts';
import { bearerToken, namedUser } from '../operations/access.ts';
import { AppError, invalid, messageOf, requireKnown } from '../operations/errors.ts';
import { addField, addHeaders, type Fields, inputFields, maxInputBytes, parseBody } from '../operations/input.ts';
import { type Operation, parametersOf } from '../operations/operation.ts';

/** What the runtime knows of a request beside the Request. */
export interface FetchEnvironment {
  /** Node's own request. */
  incoming?: IncomingMessage;
  /** Deno's connection. */
  remoteAddr?: { hostname?: string };
}

export type Fetch = (request: Request, environment: FetchEnvironment) => Response | Promise<Response>;

/** A header of a request. On Node its own headers are at hand; asking the Request for them would build them all. */
export function headerOf(request: Request, { incoming }: FetchEnvironment, name: string): string | undefined {
  return incoming ? (incoming.headers[name] as string | undefined) : (request.headers.get(name) ?? undefined);
}

function remoteAddress({ incoming, remoteAddr }: FetchEnvironment): string {
  return incoming?.socket.remoteAddress ?? remoteAddr?.hostname ?? 'unknown';
}

/** Looks a header up when someone asks for it: on Deno each is a call out of JavaScript. */
export class RequestHeaders implements GivenRequest {
  readonly #request: Request;
  readonly #environment: FetchEnvironment;
  readonly #trustProxy: boolean;

  constructor(c: Context, trustProxy: boolean) {
    this.#request = c.req.raw;
    this.#environment = (c.env ?? {}) as FetchEnvironment;
    this.#trustProxy = trustProxy;
  }

  /** @param name in lower case */
  get(name: string): string | undefined {
    return headerOf(this.#request, this.#environment, name);
  }

  /** @throws AppError unauthenticated for another scheme */
  get token(): string | undefined {
    return bearerToken(this.get('authorization'));
  }

  /** @throws AppError invalid for what is not percent-encoded */
  get user(): string | undefined {
    return namedUser(this.get('x-user-id'));
  }

  get traceparent(): string | undefined {
    return this.get('traceparent');
  }

  get requestId(): string | undefined {
    return this.get('x-request-id');
  }

  get position(): string | undefined {
    return this.get('marquee-position');
  }

  /** Address of the client. The last entry of X-Forwarded-For is the one that our own proxy wrote. */
  get from(): string {
    const forwarded = this.#trustProxy ? this.get('x-forwarded-for') : undefined;
    return forwarded?.split(',').at(-1)?.trim() || remoteAddress(this.#environment);
  }
}

/**
 * Reads the input of a request: path and query (as the types say), or path and JSON body, and mapped headers.
 * The function throws AppError invalid for what the operation does not have: it would be ignored without a word.
 */
export function inputReader(operation: Operation): (c: Context, given: RequestHeaders) => Fields | Promise<Fields> {
  const convert = converters(operation);
  // As keys of an object: V8 throws its optimized code away at each look with a text that was cut out of another one.
  const parameters = Object.keys(Object.fromEntries(parametersOf(operation.path).map((name) => [name, true])));
  const { method } = operation;
  const hasBody = method === 'POST' || method === 'PUT';
  const inQuery = hasBody ? [] : Object.keys(operation.input.shape);
  const collect = (c: Context, given: RequestHeaders, input: Fields): Fields => {
    const query = queryOf(c, inQuery);
    for (const name in query) input[name] = convert(name, query[name] as string);
    for (const name of parameters) addField(input, name, convert(name, c.req.param(name) ?? ''), 'path');
    addHeaders(operation, input, (name) => given.get(name));
    return input;
  };
  if (method === 'GET') return (c, given) => collect(c, given, {});
  return async (c, given) => {
    // Only behind a wait has Node read the body that came with the head.
    await null;
    const body = await readBody(c);
    if (hasBody) return collect(c, given, inputFields(operation, parseBody(body)));
    // Nobody would read it, and a client may take what it says for a condition. Over HTTP/2 no header tells that there is one.
    if (body.length > 0) throw invalid({ field: 'body', message: 'must be left out: path, query and headers say all' });
    return collect(c, given, {});
  };
}

/**
 * The query of a request.
 * @throws AppError invalid for a parameter that is none of `names`, or is there twice; and for a URL that is not UTF-8
 */
export function queryOf(c: Context, names: readonly string[]): Record<string, string> {
  const { url } = c.req.raw;
  if (url.includes('%')) requireUtf8(url);
  if (!url.includes('?')) return {};
  const all = c.req.queries();
  requireKnown(all, names, 'is no query parameter of this operation');
  const twice = Object.keys(all).filter((name) => all[name]?.length !== 1);
  if (twice.length > 0) throw invalid(...twice.map((field) => ({ field, message: 'is there more than once' })));
  return Object.fromEntries(Object.entries(all).map(([name, [value = '']]) => [name, value]));
}

/** Hono takes a % that encodes no character for itself: a user `%ff` would be there beside one of that name. */
function requireUtf8(url: string): void {
  try {
    decodeURIComponent(url);
  } catch {
    throw invalid({ field: 'URL', message: 'has a % that is not percent-encoded UTF-8; % itself is %25' });
  }
}

/** An integer as it is written in decimal, or the text: also of one that is too large to be exact. */
export function integerOf(text: string): number | string {
  return /^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

/** A number as it is written in decimal, or the text. */
function numberOf(text: string): number | string {
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** How the text of a query or path becomes the type that the input's schema wants; what does not fit stays text. */
function converters(operation: Operation): (name: string, value: string) => unknown {
  // With an empty registry of names no type is a reference to another.
  const options = { io: 'input', unrepresentable: 'any', metadata: z.registry<{ id?: string }>() } as const;
  const { properties = {} } = z.toJSONSchema(operation.input, options);
  const kinds = new Map(Object.entries(properties).map(([name, type]) => [name, Object(type).type]));
  return (name, value) => {
    const kind = kinds.get(name);
    if (kind === 'number') return numberOf(value);
    if (kind === 'integer') return integerOf(value);
    if (kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
    return value;
  };
}

/** Of all bodies that are being read, so that a burst that never ends them leaves memory for the others. */
const maxBytesBeingRead = 32_000_000;
/** Clients that send slowly are waited for so long, in milliseconds; on Node the server does that (server.ts). */
const patienceMs = 30_000;
let bytesBeingRead = 0;

/** The body of a request, of which there may be none. @throws AppError invalid; too_large; unavailable while too much is read */
export async function readBody(c: Context): Promise<Uint8Array<ArrayBuffer>> {
  const environment = (c.env ?? {}) as FetchEnvironment;
  const { incoming } = environment;
  const packed = headerOf(c.req.raw, environment, 'content-encoding') ?? 'identity';
  if (packed !== 'identity')
    throw invalid({ field: 'Content-Encoding', message: 'must be left out: nothing is unpacked' });
  const length = Number(headerOf(c.req.raw, environment, 'content-length'));
  if (length > maxInputBytes) throw tooLarge();
  if (incoming && (incoming.complete || incoming.readableLength === length)) {
    // All of it is here already, as that of most requests is, though Node may not have noticed: often nothing.
    const whole = incoming.read() as Uint8Array<ArrayBuffer> | null;
    // So that it ends at once: to a request that has not ended @hono/node-server adds listeners and timers.
    incoming.resume();
    return whole ?? new Uint8Array();
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunksOf(c.req.raw, environment)) {
      size += chunk.length;
      bytesBeingRead += chunk.length;
      if (size > maxInputBytes) throw tooLarge();
      if (bytesBeingRead > maxBytesBeingRead) throw new AppError('unavailable', 'Too many large requests at once.');
      chunks.push(chunk);
    }
  } catch (error) {
    // Where it is not ours, nobody may hear it: whoever sends has gone.
    throw error instanceof AppError ? error : new AppError('invalid', `The body did not come: ${messageOf(error)}`);
  } finally {
    bytesBeingRead -= size;
  }
  return Buffer.concat(chunks);
}

/** Node's own request: its Request would put a stream of another kind around it, with a promise for each step. */
function chunksOf(request: Request, { incoming }: FetchEnvironment): AsyncIterable<Uint8Array> | Uint8Array[] {
  // Left open where the reading ends early: the refusal goes out on its connection.
  if (incoming) return incoming.iterator({ destroyOnReturn: false });
  return request.body?.pipeThrough(new TransformStream(), { signal: AbortSignal.timeout(patienceMs) }) ?? [];
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body may have ${maxInputBytes} bytes.`);
}
