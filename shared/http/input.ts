/** What an operation gets of an HTTP request: path, query, body and headers as one input. */
import { z } from 'zod';
import { AppError, messageOf } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import type { HttpRequest } from './http-request.ts';

/** Collects the input of a request: path and query (as the types say), or path and JSON body, and mapped headers. */
export function inputCollector(
  operation: Operation,
): (request: HttpRequest<unknown>) => Record<string, unknown> | Promise<Record<string, unknown>> {
  const convert = converters(operation);
  // As keys of an object: V8 throws its optimized code away at each look with a text that was cut out of another one.
  const parameters = Object.keys(
    Object.fromEntries([...operation.path.matchAll(/:(\w+)/g)].map(([, name]) => [name as string, true])),
  );
  const headers = Object.entries(operation.headers ?? {});
  const withPathAndHeaders = (
    request: HttpRequest<unknown>,
    input: Record<string, unknown>,
  ): Record<string, unknown> => {
    for (const name of parameters) input[name] = convert(name, request.param(name));
    for (const [name, field] of headers) {
      const value = request.header(name);
      if (value !== undefined) input[field] = value;
    }
    return input;
  };
  if (operation.method === 'GET' || operation.method === 'DELETE') {
    return (request) => {
      const input: Record<string, unknown> = {};
      for (const [name, value] of request.query()) input[name] = convert(name, value);
      return withPathAndHeaders(request, input);
    };
  }
  return (request) => request.text().then((text) => withPathAndHeaders(request, parseObject(text)));
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
