/** What an operation gets of an HTTP request: path, query, body and headers as one input. */
import type { Context } from 'hono';
import { z } from 'zod';
import { translated } from '../operations/endpoint.ts';
import { invalid, requireKnown } from '../operations/errors.ts';
import { type Operation, parametersOf } from '../operations/operation.ts';
import type { RequestHeaders } from './request-headers.ts';

type Fields = Record<string, unknown>;

/**
 * Collects the input of a request: path and query (as the types say), or path and JSON body, and mapped headers.
 * The function throws AppError invalid for what the operation does not have: it would be ignored without a word.
 */
export function inputCollector(operation: Operation): (c: Context, given: RequestHeaders, body: Fields) => Fields {
  const { shape } = operation.input;
  const fields = Object.keys(shape);
  const convert = converters(operation);
  // As keys of an object: V8 throws its optimized code away at each look with a text that was cut out of another one.
  const parameters = Object.keys(Object.fromEntries(parametersOf(operation.path).map((name) => [name, true])));
  const headers = Object.entries(operation.headers ?? {});
  const hasBody = operation.method === 'POST' || operation.method === 'PUT';
  return (c, given, body) => {
    const query = queryOf(c, hasBody ? [] : fields);
    const input = translated(operation, body);
    if (hasBody) requireKnown(input, fields, 'is no field of this operation');
    for (const name in query) input[name] = convert(name, query[name] as string);
    for (const name of parameters) {
      const value = convert(name, c.req.param(name) ?? '');
      if (name in input && String(input[name]) !== String(value)) throw invalid({ field: name, message: otherInPath });
      input[name] = value;
    }
    for (const [name, field] of headers) {
      const value = given.get(name);
      if (value !== undefined) input[field] = value;
    }
    return input;
  };
}

const otherInPath = 'is another one in the path';
const noQuery: Record<string, string> = {};

/**
 * The query of a request.
 * @throws AppError invalid for a parameter that is none of `names`, or is there twice; and for a URL that is not UTF-8
 */
export function queryOf(c: Context, names: readonly string[]): Record<string, string> {
  const { url } = c.req.raw;
  if (url.includes('%')) requireUtf8(url);
  if (!url.includes('?')) return noQuery;
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
