/** What an operation gets of an HTTP request: path, query, body and headers as one input. */
import type { Context } from 'hono';
import { z } from 'zod';
import { type Operation, parametersOf } from '../operations/operation.ts';
import type { RequestHeaders } from './request-headers.ts';

type Fields = Record<string, unknown>;

/** Collects the input of a request: path and query (as the types say), or path and JSON body, and mapped headers. */
export function inputCollector(operation: Operation): (c: Context, given: RequestHeaders, body: Fields) => Fields {
  const convert = converters(operation);
  // As keys of an object: V8 throws its optimized code away at each look with a text that was cut out of another one.
  const parameters = Object.keys(Object.fromEntries(parametersOf(operation.path).map((name) => [name, true])));
  const headers = Object.entries(operation.headers ?? {});
  const takesQuery = operation.method === 'GET' || operation.method === 'DELETE';
  return (c, given, body) => {
    const input = body;
    if (takesQuery && c.req.raw.url.includes('?')) {
      for (const [name, value] of Object.entries(c.req.query())) input[name] = convert(name, value);
    }
    for (const name of parameters) input[name] = convert(name, c.req.param(name) ?? '');
    for (const [name, field] of headers) {
      const value = given.get(name);
      if (value !== undefined) input[field] = value;
    }
    return input;
  };
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
