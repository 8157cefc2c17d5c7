/** Where each field of an operation's input travels over HTTP: the same rules as in http/input.ts. */
import { z } from 'zod';
import type { oas31, ZodOpenApiOperationObject } from 'zod-openapi';
import type { Operation } from '../operations/operation.ts';

type Fields = Record<string, z.ZodType>;

/** The input of an operation as parameters and body. */
export function requestOf(operation: Operation): Partial<ZodOpenApiOperationObject> {
  const example = operation.example as Record<string, unknown>;
  const inPath = new Set([...operation.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name));
  const headerOf = new Map(Object.entries(operation.headers ?? {}).map(([header, field]) => [field, header]));
  const takesBody = operation.method === 'POST' || operation.method === 'PUT';
  const fields: Record<'path' | 'header' | 'query' | 'body', Fields> = { path: {}, header: {}, query: {}, body: {} };
  for (const [name, field] of Object.entries(operation.input.shape) as [string, z.ZodType][]) {
    const header = headerOf.get(name);
    if (inPath.has(name)) fields.path[name] = field;
    else if (header) fields.header[titleCase(header)] = field;
    else if (takesBody) fields.body[name] = field;
    else fields.query[name] = field;
  }
  const { body, ...params } = fields;
  const given = Object.entries(params).filter(([, shape]) => Object.keys(shape).length > 0);
  return {
    requestParams: Object.fromEntries(given.map(([place, shape]) => [place, z.object(shape)])),
    ...(Object.keys(body).length > 0 ? { requestBody: bodyOf(body, example) } : {}),
  };
}

function bodyOf(fields: Fields, example: Record<string, unknown>) {
  return {
    required: !z.object(fields).safeParse({}).success,
    content: {
      'application/json': {
        schema: z.object(fields),
        example: Object.fromEntries(Object.entries(example).filter(([name]) => name in fields)),
      },
    },
  };
}

/** Gives each parameter its value in `x-example`, which goes: zod-openapi itself knows examples of types only. */
export function addExamples(operation: oas31.OperationObject): void {
  const example: Record<string, unknown> = operation['x-example'] ?? {};
  delete operation['x-example'];
  for (const parameter of operation.parameters ?? []) {
    if ('name' in parameter && parameter.name in example) parameter.example = example[parameter.name];
  }
}

/** `if-match` → `If-Match` */
function titleCase(header: string): string {
  return header.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
