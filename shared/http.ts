/** Operations as HTTP routes. The gateway and every service use this one piece of code. */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { Operation } from './contract.ts';
import { AppError, messageOf, toAppError, toProblem } from './errors.ts';
import type { Identity } from './identity.ts';
import type { Logger } from './log.ts';
import type { Call, Encoded } from './operations.ts';
import { remoteAddress } from './runtime.ts';

/** Runs an operation: in a service its own handler, in the gateway a request to the service. */
export type Dispatch = (input: Record<string, unknown>, call: Call, request: RequestInfo) => Encoded | Promise<Encoded>;

/** What a dispatch may pass on. */
export interface RequestInfo {
  token: string | null;
  user: string | null;
  /** Address of the client. */
  address(): string;
}

export interface Route {
  operation: Operation;
  dispatch: Dispatch;
}

interface HttpOptions {
  routes: Route[];
  identity: Identity;
  timeoutMs: number;
  log: Logger;
  /** Believe X-Forwarded-For. */
  trustProxy?: boolean;
}

const maxBodyBytes = 1_000_000;
const json = { 'content-type': 'application/json' };

/** A Hono app with the routes of all operations that are for HTTP, their aliases, and problem answers for the rest. */
export function createHttp(options: HttpOptions): Hono {
  const app = new Hono({ strict: false });
  const byPath = new Map<string, Set<string>>();
  const paths = options.routes
    .filter(({ operation }) => operation.http)
    .flatMap((route) => [route.operation.path, ...(route.operation.aliases ?? [])].map((path) => ({ path, route })))
    // The router takes the first that fits: /movies/search has to come before /movies/:movieId.
    .sort((a, b) => a.path.split(':').length - b.path.split(':').length);
  for (const { path, route } of paths) {
    app.on(route.operation.method, path, createHandler(route, options));
    byPath.set(path, (byPath.get(path) ?? new Set()).add(route.operation.method));
  }
  app.notFound((c) => {
    // Looked up only here, so that it costs the known routes nothing.
    const allowed = [...byPath]
      .filter(([path]) => pathMatches(path, c.req.path))
      .flatMap(([, methods]) => [...methods]);
    if (allowed.length === 0) return problem(new AppError('not_found', `There is nothing at ${c.req.path}.`));
    const response = problem(new AppError('method_not_allowed', `${c.req.method} is not possible here.`));
    response.headers.set('Allow', [...new Set(allowed)].join(', '));
    return response;
  });
  app.onError((error) => problem(logged(error, options.log, 'http')));
  return app;
}

function pathMatches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const actual = path.replace(/\/$/, '').split('/');
  return (
    expected.length === actual.length && expected.every((part, index) => part.startsWith(':') || part === actual[index])
  );
}

function logged(error: unknown, log: Logger, operation: string): AppError {
  const refused = toAppError(error);
  if (refused.code === 'internal') log.error({ err: error, operation }, 'a request failed');
  return refused;
}

/** An error as an RFC 9457 answer. */
export function problem(error: AppError): Response {
  return new Response(JSON.stringify(toProblem(error)), {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
      ...(error.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {}),
    },
  });
}

function createHandler({ operation, dispatch }: Route, options: HttpOptions) {
  const collect = inputCollector(operation);
  const { identity, timeoutMs, log, trustProxy = false } = options;
  const fail = (error: unknown): Response => problem(logged(error, log, operation.subject));

  const run = (c: Context, input: Record<string, unknown>): Response | Promise<Response> => {
    const token = bearer(c.req.header('authorization'));
    const user = c.req.header('x-user-id') ?? null;
    const go = (caller: Call['caller']): Response | Promise<Response> => {
      const call = { caller, deadline: Date.now() + timeoutMs, traceparent: c.req.header('traceparent') };
      const result = dispatch(input, call, { token, user, address: () => addressOf(c, trustProxy) });
      if (result instanceof Promise) return result.then((encoded) => respond(operation, c, encoded), fail);
      return respond(operation, c, result);
    };
    const caller = identity.of(token, user);
    return caller instanceof Promise ? caller.then(go).catch(fail) : go(caller);
  };

  return (c: Context): Response | Promise<Response> => {
    try {
      const input = collect(c);
      return input instanceof Promise ? input.then((collected) => run(c, collected)).catch(fail) : run(c, input);
    } catch (error) {
      return fail(error);
    }
  };
}

/** The last entry of X-Forwarded-For is the one that our own proxy wrote. */
function addressOf(c: Context, trustProxy: boolean): string {
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded || remoteAddress(c.env);
}

function bearer(header: string | undefined): string | null {
  return header?.startsWith('Bearer ') ? header.slice(7) : null;
}

function respond(operation: Operation, c: Context, encoded: Encoded): Response {
  const status = encoded.status ?? operation.success;
  if (encoded.revision === undefined && encoded.location === undefined) {
    return new Response(encoded.body, {
      status,
      headers: status < 400 ? json : { 'content-type': 'application/problem+json' },
    });
  }
  const headers: Record<string, string> = { ...json };
  if (encoded.location !== undefined) headers.location = encoded.location;
  if (encoded.revision !== undefined) {
    headers.etag = `"${encoded.revision}"`;
    if (isKnown(headers.etag, c.req.header('if-none-match'))) return new Response(null, { status: 304, headers });
  }
  return new Response(encoded.body, { status, headers });
}

/** Whether If-None-Match names the revision: in a list, in weak form, or by `*`. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch === etag) return ifNoneMatch === etag;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

/** Collects the input of a request: path and query (as the types say), or path and JSON body, and mapped headers. */
function inputCollector(
  operation: Operation,
): (c: Context) => Record<string, unknown> | Promise<Record<string, unknown>> {
  const convert = converters(operation);
  const parameters = [...operation.path.matchAll(/:(\w+)/g)].map((match) => match[1] as string);
  const headers = Object.entries(operation.headers ?? {});
  const withPathAndHeaders = (c: Context, input: Record<string, unknown>): Record<string, unknown> => {
    for (const name of parameters) input[name] = convert(name, c.req.param(name) ?? '');
    for (const [header, field] of headers) {
      const value = c.req.header(header);
      if (value !== undefined) input[field] = value;
    }
    return input;
  };
  if (operation.method === 'GET' || operation.method === 'DELETE') {
    return (c) => {
      const input: Record<string, unknown> = {};
      if (c.req.url.includes('?')) {
        for (const [name, value] of Object.entries(c.req.query())) input[name] = convert(name, value);
      }
      return withPathAndHeaders(c, input);
    };
  }
  return async (c) => withPathAndHeaders(c, await readJson(c));
}

/** How the text of a query or path becomes the type that the input's schema wants; what does not fit stays text. */
function converters(operation: Operation): (name: string, value: string) => unknown {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  const kinds = new Map<string, string>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const resolved = resolveReference(property, schema);
    if (typeof resolved === 'object' && typeof resolved.type === 'string') kinds.set(name, resolved.type);
  }
  return (name, value) => {
    const kind = kinds.get(name);
    if ((kind === 'integer' || kind === 'number') && /^-?\d{1,15}(\.\d+)?$/.test(value)) return Number(value);
    if (kind === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
    return value;
  };
}

function resolveReference(property: unknown, schema: z.core.JSONSchema.BaseSchema): z.core.JSONSchema.BaseSchema {
  const { $ref } = property as { $ref?: string };
  const name = $ref?.split('/').at(-1);
  return (name && schema.$defs?.[name]) || (property as z.core.JSONSchema.BaseSchema);
}

async function readJson(c: Context): Promise<Record<string, unknown>> {
  const text = await readText(c.req.raw);
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

async function readText(request: Request): Promise<string> {
  const tooLarge = new AppError('too_large', `The body may have ${maxBodyBytes} bytes.`);
  const length = request.headers.get('content-length');
  if (length !== null) {
    if (Number(length) > maxBodyBytes) throw tooLarge;
    return request.text();
  }
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBodyBytes) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
