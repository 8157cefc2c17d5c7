/** What an operation gets of an HTTP request: path, query, body and headers as one input. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Operation } from './contract.ts';
import { AppError, messageOf } from './errors.ts';
import { type FetchEnvironment, headerOf } from './runtime.ts';

/** The longest input that any operation takes has 27,000 characters, of six bytes each at most. */
const maxBodyBytes = 262_144;
/** All bodies that are being read, so that a crowd that never ends them leaves room for the others. */
const maxBytesUnderWay = 32_000_000;
let bytesUnderWay = 0;

export function header(c: Context, name: string): string | undefined {
  return headerOf(c.req.raw, (c.env ?? {}) as FetchEnvironment, name);
}

/** Collects the input of a request: path and query (as the types say), or path and JSON body, and mapped headers. */
export function inputCollector(
  operation: Operation,
): (c: Context) => Record<string, unknown> | Promise<Record<string, unknown>> {
  const convert = converters(operation);
  const parameters = [...operation.path.matchAll(/:(\w+)/g)].map((match) => match[1] as string);
  const headers = Object.entries(operation.headers ?? {});
  const withPathAndHeaders = (c: Context, input: Record<string, unknown>): Record<string, unknown> => {
    for (const name of parameters) input[name] = convert(name, c.req.param(name) ?? '');
    for (const [name, field] of headers) {
      const value = header(c, name);
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
  return (c) => readText(c).then((text) => withPathAndHeaders(c, parseObject(text)));
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

/** A body without anything is an object without anything. @throws AppError invalid for what is no object. */
function parseObject(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  let body: unknown;
  try {
    // Some editors begin a file with a byte order mark.
    body = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    throw new AppError('invalid', `The body is not JSON: ${messageOf(error)}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('invalid', 'The body must be a JSON object.');
  }
  return body as Record<string, unknown>;
}

/** Reads a body of a bounded size. @throws AppError too_large */
function readText(c: Context): Promise<string> {
  const { incoming } = (c.env ?? {}) as FetchEnvironment;
  return incoming ? readIncoming(incoming) : readRequest(c.req.raw);
}

/** On Node the request itself is at hand: a Request would be made around it, with a promise for each step. */
function readIncoming(incoming: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    if (Number(incoming.headers['content-length']) > maxBodyBytes) return reject(tooLarge());
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.length;
      bytesUnderWay += chunk.length;
      if (size > maxBodyBytes) reject(tooLarge());
      else if (bytesUnderWay > maxBytesUnderWay) reject(tooMany());
      else chunks.push(chunk);
    });
    incoming.on('end', () => resolve((chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString()));
    // Nobody will hear it: whoever sends has gone.
    incoming.on('error', (error) => reject(new AppError('invalid', `The body did not come: ${messageOf(error)}`)));
    // Comes behind `end` and behind `error`.
    incoming.on('close', () => {
      bytesUnderWay -= size;
    });
  });
}

async function readRequest(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLarge();
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body) {
      size += chunk.length;
      bytesUnderWay += chunk.length;
      if (size > maxBodyBytes) throw tooLarge();
      if (bytesUnderWay > maxBytesUnderWay) throw tooMany();
      chunks.push(chunk);
    }
  } finally {
    bytesUnderWay -= size;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooMany(): AppError {
  return new AppError('unavailable', 'Too many large requests at once.');
}

function tooLarge(): AppError {
  return new AppError('too_large', `The body may have ${maxBodyBytes} bytes.`);
}
