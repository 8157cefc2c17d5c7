/** Finds changes of an OpenAPI document that would break clients. */

import { compareSchemas, type Direction, isNewRefusal } from './compare-schemas.ts';
import {
  type JsonSchema,
  methods,
  type OpenApiDocument,
  type OperationObject,
  type ResponseObject,
  resolveReference,
} from './openapi-types.ts';

interface Documents {
  before: OpenApiDocument;
  after: OpenApiDocument;
}

/** Returns the breaking changes, a line each, such as `GET /movies/{movieId} answer 200: likes: removed`. */
export function compareOpenApi(before: OpenApiDocument, after: OpenApiDocument): string[] {
  const documents = { before, after };
  return Object.entries(before.paths).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const old = item[method];
      if (!old) return [];
      const where = `${method.toUpperCase()} ${path}`;
      const now = after.paths[path]?.[method];
      if (!now) return [`${where}: removed`];
      const changes = [
        ...callerChanges(old, now),
        ...parameterChanges(old, now, documents),
        ...bodyChanges(old, now, documents),
        ...answerChanges(old, now, documents),
      ];
      return changes.map((change) => `${where} ${change}`);
    }),
  );
}

const strictness = ['public', 'known', 'self', 'agent', 'admin'];

function callerChanges(old: OperationObject, now: OperationObject): string[] {
  const changes: string[] = [];
  if (old.operationId !== now.operationId) {
    changes.push(`operationId: changed from ${old.operationId} to ${now.operationId}`);
  }
  const [before = 'public', after = 'public'] = [old['x-access'], now['x-access']];
  if (strictness.indexOf(after) > strictness.indexOf(before)) {
    changes.push(`access: narrowed from ${before} to ${after}`);
  }
  return changes;
}

function parameterChanges(old: OperationObject, now: OperationObject, documents: Documents): string[] {
  const key = (parameter: { in: string; name: string }): string => `${parameter.in} parameter ${parameter.name}`;
  const before = new Map((old.parameters ?? []).map((parameter) => [key(parameter), parameter]));
  const after = new Map((now.parameters ?? []).map((parameter) => [key(parameter), parameter]));
  const changes: string[] = [];
  for (const [name, parameter] of before) {
    const next = after.get(name);
    if (!next) changes.push(`${name}: removed`);
    else changes.push(...schemaChanges(name, parameter.schema, next.schema, 'input', documents));
  }
  for (const [name, { required }] of after) {
    if (required && !before.get(name)?.required) changes.push(`${name}: required now`);
  }
  return changes;
}

function bodyChanges(old: OperationObject, now: OperationObject, documents: Documents): string[] {
  if (!now.requestBody) return old.requestBody ? ['body: removed'] : [];
  const required = now.requestBody.required && !old.requestBody?.required ? ['body: required now'] : [];
  if (!old.requestBody) return required;
  return [...required, ...contentChanges('body', old.requestBody, now.requestBody, 'input', documents)];
}

/** Compares responses. Only successful ones must stay: clients must handle any error, so errors may come and go. */
function answerChanges(old: OperationObject, now: OperationObject, documents: Documents): string[] {
  return Object.entries(old.responses).flatMap(([status, response]) => {
    const where = `answer ${status}`;
    const next = now.responses[status];
    if (!next) return Number(status) < 400 ? [`${where}: removed`] : [];
    const before = resolveReference<ResponseObject>(documents.before, response);
    const after = resolveReference<ResponseObject>(documents.after, next);
    const headers = Object.keys(before.headers ?? {}).filter((name) => !after.headers?.[name]);
    const content = contentChanges(where, before, after, 'output', documents);
    return [
      ...headers.map((name) => `${where} header ${name}: removed`),
      ...content.filter((change) => Number(status) < 400 || !isNewRefusal(change)),
    ];
  });
}

interface Content {
  content?: Record<string, { schema?: JsonSchema }>;
}

function contentChanges(
  where: string,
  old: Content,
  now: Content,
  direction: Direction,
  documents: Documents,
): string[] {
  return Object.entries(old.content ?? {}).flatMap(([type, { schema = {} }]) => {
    const next = now.content?.[type];
    return next ? schemaChanges(where, schema, next.schema ?? {}, direction, documents) : [`${where} ${type}: removed`];
  });
}

function schemaChanges(
  where: string,
  old: JsonSchema,
  now: JsonSchema,
  direction: Direction,
  { before, after }: Documents,
): string[] {
  const changes = compareSchemas({ document: before, schema: old }, { document: after, schema: now }, direction);
  return changes.map((change) => `${where}: ${change}`);
}
