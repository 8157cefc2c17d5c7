/** Builds requests from an OpenAPI document alone, as a generic client does. */
import { type Method, methods, type OpenApiDocument, type OperationObject } from '../docs/api/openapi-types.ts';

export interface DocumentedOperation {
  path: string;
  method: Method;
  operation: OperationObject;
}

/** Returns all operations in the document's order. */
export function documentedOperations(document: OpenApiDocument): DocumentedOperation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ path, method, operation }] : [];
    }),
  );
}

/** Returns the example request of an operation; `instead` overrides examples of parameters. */
export function requestOf(
  { path, method, operation }: DocumentedOperation,
  instead: Record<string, string> = {},
): { method: string; url: string; headers: Record<string, string>; body: unknown } {
  let filled = path;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const { name, in: place, example } of operation.parameters ?? []) {
    const value = instead[name] ?? (example === undefined ? undefined : String(example));
    if (value === undefined) continue;
    if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === 'query') query.set(name, value);
    else headers[name] = value;
  }
  const search = query.size > 0 ? `?${query}` : '';
  const body = operation.requestBody?.content['application/json']?.example;
  return { method: method.toUpperCase(), url: `${filled}${search}`, headers, body };
}
