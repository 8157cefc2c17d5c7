/** Where each field of an operation's input travels over HTTP: the same rules as in http/request.ts. */
import { z } from 'zod';
import type { oas31, ZodOpenApiOperationObject } from 'zod-openapi';
import { type Operation, parametersOf } from '../operations/operation.ts';

/** The input of an operation as parameters and body. */
export function requestOf(operation: Operation): Partial<ZodOpenApiOperationObject> {
  const example = operation.example as Record<string, unknown>;
  const inPath = parametersOf(operation.path);
  const headerOf = new Map(Object.entries(operation.headers ?? {}).map(([header, field]) => [field, header]));
  const takesBody = operation.method === 'POST' || operation.method === 'PUT';
  const params: Record<'path' | 'header' | 'query', Record<string, z.ZodType>> = { path: {}, header: {}, query: {} };
  const body: Record<string, z.ZodType> = {};
  for (const [name, field] of Object.entries(operation.input.shape) as [string, z.ZodType][]) {
    const header = headerOf.get(name);
    if (inPath.includes(name)) params.path[name] = field;
    else if (header) params.header[titleCase(header)] = field;
    else if (takesBody) body[name] = field;
    else params.query[name] = field;
  }
  const given = Object.entries(params).filter(([, shape]) => Object.keys(shape).length > 0);
  const bodyExample = Object.fromEntries(Object.entries(example).filter(([name]) => name in body));
  const schema = z.object(body);
  const content = { 'application/json': { schema, example: bodyExample } };
  return {
    requestParams: Object.fromEntries(given.map(([place, shape]) => [place, z.object(shape)])),
    ...(Object.keys(body).length > 0 ? { requestBody: { required: !schema.safeParse({}).success, content } } : {}),
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
