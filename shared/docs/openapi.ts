/** Creates the OpenAPI 3.1 document of services from their contracts, by means of zod-openapi. */
import { z } from 'zod';
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
} from 'zod-openapi';
import { codes } from '../operations/errors.ts';
import { type Operation, type Operations, parametersOf, type ServiceContract } from '../operations/operation.ts';
import { version } from '../process/version.ts';
import { commonParameters, ifNoneMatch, responseHeaders } from './headers.ts';
import { errorsOf, problemResponses } from './problems.ts';
import { schemaOptions } from './schemas.ts';
import { systemPaths, systemTag } from './system-paths.ts';

/** The parts of a contract that the documents show. */
type Described = Omit<ServiceContract, 'port'>;

export interface DocumentOptions {
  title: string;
  description: string;
  services: readonly Described[];
  /** Paths that are not operations, such as live events. */
  paths?: ZodOpenApiPathsObject;
  /** All streams of the system, for a document that describes them. */
  streams?: readonly { name: string; description: string; subjects: readonly string[] }[];
  /** Whether access is open: no key for tokens is configured, and callers name themselves by X-User-Id. */
  open?: boolean;
}

const access = {
  public: 'Anyone may call this operation',
  known: 'Any authenticated user may call this operation',
  self: 'Only the user named in the path, agents and administrators may call this operation',
  agent: 'Only support agents and administrators may call this operation',
  admin: 'Only administrators may call this operation',
};

const tokenSchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token with the claims sub (the user) and roles',
  },
} as const;

const openSchemes = {
  user: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-Id',
    description:
      'The caller in percent-encoded UTF-8. This service is open: anyone may call every operation under any name',
  },
} as const;

/**
 * Creates the document.
 * @throws Error if two operations have the same path and method, or two types the same name
 * @example createOpenApi({ title: 'Marquee movies', description, services: [moviesContract] })
 */
export function createOpenApi(options: DocumentOptions): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const service of options.services) {
    for (const operation of Object.values(service.operations).filter(({ http }) => http)) {
      const described = describe(service, operation);
      add(paths, operation.path, operation.method, described);
      operation.aliases?.forEach((alias, index) => {
        const operationId = `${operation.subject}.alias${index === 0 ? '' : index + 1}`;
        const description = `Alias of ${operation.path}, for clients of the sample that Marquee replaces.`;
        add(paths, alias, operation.method, { ...described, operationId, description, deprecated: true });
      });
    }
  }
  Object.assign(paths, options.paths);
  const securitySchemes = options.open ? openSchemes : tokenSchemes;
  for (const operation of operationsOf<ZodOpenApiOperationObject>(paths)) {
    // The empty requirement makes the token optional: it only identifies the caller.
    const optional = options.open || operation['x-access'] === 'public';
    operation.security = [...(optional ? [{}] : []), ...Object.keys(securitySchemes).map((name) => ({ [name]: [] }))];
  }
  const document = createDocument(
    {
      openapi: '3.1.1',
      info: {
        title: options.title,
        version,
        description: options.description,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The server of this document' }],
      tags: [...options.services.map(({ name, description }) => ({ name, description })), systemTag],
      paths: { ...paths, ...systemPaths },
      components: { securitySchemes },
    },
    schemaOptions,
  );
  for (const operation of operationsOf<oas31.OperationObject>(document.paths)) addExamples(operation);
  return document;
}

function operationsOf<O extends object>(paths: Record<string, object> = {}): O[] {
  return Object.values(paths).flatMap((item) => Object.values(item) as O[]);
}

function add(
  paths: ZodOpenApiPathsObject,
  path: string,
  method: Operation['method'],
  described: ZodOpenApiOperationObject,
): void {
  const template = path.replace(/:(\w+)/g, '{$1}');
  const item = paths[template] ?? {};
  paths[template] = item;
  const key = method.toLowerCase() as Lowercase<Operation['method']>;
  if (item[key]) throw new Error(`${described.operationId} and ${item[key].operationId} are both ${method} ${path}`);
  item[key] = described;
}

function describe({ name, operations, overNats = true }: Described, operation: Operation): ZodOpenApiOperationObject {
  const revision = hasRevision(operation);
  return {
    operationId: operation.subject,
    tags: [name],
    summary: operation.summary,
    description: `${access[operation.access]}.${overNats ? ` Over NATS: a request to \`${operation.subject}\`.` : ''}`,
    ...requestOf(operation),
    parameters: [...commonParameters, ...(revision && operation.method === 'GET' ? [ifNoneMatch] : [])],
    responses: {
      ...successes(operation, { revision, location: createsMember(operation, operations) }),
      ...Object.fromEntries(errorsOf(operation).map((code) => [codes[code].status, problemResponses[code]])),
      // The server itself answers this when the URL and headers are too long.
      431: problemResponses.too_large,
    },
    'x-access': operation.access,
    'x-kind': operation.kind,
    'x-example': operation.example,
  };
}

function successes(
  { output: schema, kind, method, success }: Operation,
  has: { revision: boolean; location: boolean },
): Record<string, ZodOpenApiResponseObject> {
  const { requestId } = responseHeaders;
  const etag = has.revision ? responseHeaders.etag : {};
  const location = has.location ? responseHeaders.location : {};
  const position = kind === 'command' ? responseHeaders.position : {};
  const respond = (description: string): ZodOpenApiResponseObject => ({
    description,
    headers: { ...etag, ...location, ...position, ...requestId },
    content: { 'application/json': { schema } },
  });
  const result = { [success]: respond(success === 201 ? 'Created' : 'Succeeded') };
  if (kind === 'command') result[202] = respond('Stored durably and counted once, but not yet visible to queries');
  if (has.revision && method === 'GET') {
    result[304] = { description: "The client's copy is current", headers: { ...etag, ...requestId } };
  }
  return result;
}

/** Returns whether responses have an ETag. The response to a DELETE has none. */
function hasRevision({ output, method }: Operation): boolean {
  const shape = (output as { shape?: Record<string, unknown> }).shape;
  return method !== 'DELETE' && shape !== undefined && 'revision' in shape;
}

/** Returns whether the operation creates a resource with its own path below this one, which Location then names. */
function createsMember({ success, path }: Operation, operations: Operations): boolean {
  const member = (other: Operation): boolean =>
    other.http && other.method === 'GET' && other.path.replace(/\/:\w+$/, '') === path;
  return success === 201 && Object.values(operations).some(member);
}

/** Returns the parameters and the body that make up an operation's input. */
function requestOf(operation: Operation): Partial<ZodOpenApiOperationObject> {
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

/** Moves the values of `x-example` to the parameters, because zod-openapi only supports examples of types. */
function addExamples(operation: oas31.OperationObject): void {
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
