/** Reads HTTP requests: their headers, and an operation's input from path, query, body and headers. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { z } from 'zod';
import type { GivenRequest } from '../observe/served-operation.ts';
import { bearerToken, namedUser } from '../operations/access.ts';
import { AppError, invalid, messageOf, requireKnown } from '../operations/errors.ts';
import { addField, addHeaders, type Fields, inputFields, maxInputBytes, parseBody } from '../operations/input.ts';
import { type Operation, parametersOf } from '../operations/operation.ts';

/** What the runtime passes along with a Request. */
export interface FetchEnvironment {
  /** On Node: the underlying request. */
  incoming?: IncomingMessage;
  /** On Deno: the client's address. */
  remoteAddr?: { hostname?: string };
}

export type Fetch = (request: Request, environment: FetchEnvironment) => Response | Promise<Response>;

/** Returns a header of a request. On Node it avoids the Request, which would build all headers for that. */
export function headerOf(request: Request, { incoming }: FetchEnvironment, name: string): string | undefined {
  return incoming ? (incoming.headers[name] as string | undefined) : (request.headers.get(name) ?? undefined);
}

function remoteAddress({ incoming, remoteAddr }: FetchEnvironment): string {
  return incoming?.socket.remoteAddress ?? remoteAddr?.hostname ?? 'unknown';
}

/** The headers of a request, each looked up only when needed, because on Deno that is a native call. */
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

  /** @throws AppError unauthenticated for a scheme other than Bearer */
  get token(): string | undefined {
    return bearerToken(this.get('authorization'));
  }

  /** @throws AppError invalid if the value is not percent-encoded */
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

  /** Address of the client. Our own proxy wrote the last entry of X-Forwarded-For. */
  get from(): string {
    const forwarded = this.#trustProxy ? this.get('x-forwarded-for') : undefined;
    return forwarded?.split(',').at(-1)?.trim() || remoteAddress(this.#environment);
  }
}

/**
 * Returns a function that reads an operation's input from the path, the query or the JSON body, and mapped headers of a
 * request. It throws AppError invalid for an unknown field, which would otherwise be ignored.
 */
export function inputReader(operation: Operation): (c: Context, given: RequestHeaders) => Fields | Promise<Fields> {
  const convert = converter(operation);
  // Made object keys to intern the strings: V8 deoptimizes when it looks up a string that was sliced from another one.
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
    // After this wait Node has read a body that arrived together with the headers.
    await null;
    const body = await readBody(c);
    if (hasBody) return collect(c, given, inputFields(operation, parseBody(body)));
    // A body that would be ignored may hold a condition. Over HTTP/2 only reading shows whether there is one.
    if (body.length > 0) throw invalid({ field: 'body', message: 'is not allowed: use the path, query and headers' });
    return collect(c, given, {});
  };
}

/**
 * Returns the query parameters of a request.
 * @throws AppError invalid for a parameter that is not in `names` or is repeated, and for a URL that is not UTF-8
 */
export function queryOf(c: Context, names: readonly string[]): Record<string, string> {
  const { url } = c.req.raw;
  if (url.includes('%')) requireUtf8(url);
  if (!url.includes('?')) return {};
  const all = c.req.queries();
  requireKnown(all, names, 'is not a query parameter of this operation');
  const repeated = Object.keys(all).filter((name) => all[name]?.length !== 1);
  if (repeated.length > 0) throw invalid(...repeated.map((field) => ({ field, message: 'must be given only once' })));
  return Object.fromEntries(Object.entries(all).map(([name, [value = '']]) => [name, value]));
}

/** Hono would take an invalid escape such as %ff literally, so that two spellings would name one user. */
function requireUtf8(url: string): void {
  try {
    decodeURIComponent(url);
  } catch {
    throw invalid({ field: 'URL', message: 'must be percent-encoded UTF-8; encode % itself as %25' });
  }
}

/** Parses a decimal integer. Returns the text if it is not one, or is too large to be exact. */
export function integerOf(text: string): number | string {
  return /^-?(0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}

/** Parses a decimal number. Returns the text if it is not one. */
function numberOf(text: string): number | string {
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Returns a function that converts a text to the type of its field. Text that does not fit stays text. */
function converter(operation: Operation): (name: string, value: string) => unknown {
  // With an empty registry the schema has no references to named types.
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

/** Limit for all bodies being read together, so that a burst of unfinished bodies does not exhaust the memory. */
const maxBytesBeingRead = 32_000_000;
/** Time that a client has to send its body on Deno. On Node the server limits it (server.ts). */
const bodyTimeoutMs = 30_000;
let bytesBeingRead = 0;

/** Reads the body of a request; it may be empty. @throws AppError invalid; too_large; unavailable at the limit */
export async function readBody(c: Context): Promise<Uint8Array<ArrayBuffer>> {
  const environment = (c.env ?? {}) as FetchEnvironment;
  const { incoming } = environment;
  const encoding = headerOf(c.req.raw, environment, 'content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw invalid({ field: 'Content-Encoding', message: 'is not supported: send the body uncompressed' });
  const length = Number(headerOf(c.req.raw, environment, 'content-length'));
  if (length > maxInputBytes) throw tooLarge();
  if (incoming && (incoming.complete || incoming.readableLength === length)) {
    // The whole body has arrived, as for most requests, even if Node has not marked the request as complete.
    const whole = incoming.read() as Uint8Array<ArrayBuffer> | null;
    // Ends the request now: @hono/node-server adds listeners and timers to one that has not ended.
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
      if (bytesBeingRead > maxBytesBeingRead) throw new AppError('unavailable', 'Too many large requests: try again.');
      chunks.push(chunk);
    }
  } catch (error) {
    // Other errors mean that the client has disconnected or timed out.
    throw error instanceof AppError ? error : new AppError('invalid', `Reading the body failed: ${messageOf(error)}`);
  } finally {
    bytesBeingRead -= size;
  }
  return Buffer.concat(chunks);
}

/** On Node reads the underlying request, because the Request's web stream costs a promise for each step. */
function chunksOf(request: Request, { incoming }: FetchEnvironment): AsyncIterable<Uint8Array> | Uint8Array[] {
  // Not destroyed if reading ends early, because the refusal is sent on the same connection.
  if (incoming) return incoming.iterator({ destroyOnReturn: false });
  return request.body?.pipeThrough(new TransformStream(), { signal: AbortSignal.timeout(bodyTimeoutMs) }) ?? [];
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body is too large: at most ${maxInputBytes} bytes are allowed.`);
}
