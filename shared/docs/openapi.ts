/** The OpenAPI 3.1 document of services, made from their contracts. */

import { type ErrorCode, statusOf } from '../operations/errors.ts';
import type { Operation, Operations, ServiceContract } from '../operations/operation.ts';
import { httpInput } from './http-fields.ts';
import { errorsOf, problemResponses } from './problems.ts';
import { requestIdHeader, requestIdParameter } from './request-id.ts';
import { SchemaBook } from './schemas.ts';
import { systemPaths } from './system-paths.ts';
import type {
  JsonSchema,
  Method,
  OpenApiDocument,
  OperationObject,
  PathItem,
  ResponseHeader,
  ResponseObject,
} from './types.ts';

export interface ApiOptions {
  title: string;
  version: string;
  description: string;
  services: readonly Omit<ServiceContract, 'port'>[];
  /** Paths that are not operations, such as a stream of events. */
  paths?: Record<string, PathItem>;
  /** Whether callers need no token, as no key to check them is configured: X-User-Id says who calls. */
  open?: boolean;
}

const access = {
  public: 'Anyone may call it',
  self: 'For the user named in the path, and for agents and administrators',
  agent: 'For support agents and administrators',
  admin: 'For administrators',
};

const tokenSchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token with the claims sub (the user) and roles',
  },
};

const openSchemes = {
  user: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-Id',
    description: 'This service is open: anyone may call every operation, as whom they say that they are',
  },
};

/**
 * Makes the document.
 * @throws Error when two operations have one path and method, or two types one name.
 * @example createOpenApi({ title: 'Marquee movies', version, description, services: [{ name: 'movies', description, operations: movies }] })
 */
export function createOpenApi(options: ApiOptions): OpenApiDocument {
  const book = new SchemaBook('draft-2020-12');
  const paths: Record<string, PathItem> = {};
  const used = new Set<ErrorCode>();
  const operations = options.services.flatMap((service) =>
    Object.values(service.operations).map((operation) => ({ service, operation })),
  );
  for (const { service, operation } of operations) {
    if (!operation.http) continue;
    for (const code of errorsOf(operation)) used.add(code);
    const described = describe(service, operation, book);
    add(paths, operation.path, operation.method, described);
    operation.aliases?.forEach((alias, index) => {
      const operationId = `${operation.subject}.alias${index === 0 ? '' : index + 1}`;
      const description = `The same as ${operation.path}, under the path of the sample that Marquee replaces.`;
      add(paths, alias, operation.method, { ...described, operationId, description, deprecated: true });
    });
  }
  const system = systemPaths(book);
  const responses = problemResponses([...used], book);
  const schemes = options.open ? openSchemes : tokenSchemes;
  const secured = Object.values({ ...paths, ...options.paths }).flatMap((item) => Object.values(item));
  for (const operation of secured) {
    // A token that is optional says who calls.
    const optional = options.open || operation['x-access'] === 'public';
    operation.security = [...(optional ? [{}] : []), ...Object.keys(schemes).map((name) => ({ [name]: [] }))];
  }
  const { document, schemas } = book.finish({ paths: { ...paths, ...options.paths, ...system.paths }, responses });
  return {
    openapi: '3.1.1',
    info: {
      title: options.title,
      version: options.version,
      description: options.description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'Where this document comes from' }],
    tags: [...options.services.map(({ name, description }) => ({ name, description })), system.tag],
    paths: document.paths,
    components: {
      schemas,
      responses: document.responses,
      securitySchemes: schemes,
    },
  };
}

function add(paths: Record<string, PathItem>, path: string, method: Operation['method'], what: OperationObject): void {
  const template = path.replace(/:(\w+)/g, '{$1}');
  const item = paths[template] ?? {};
  paths[template] = item;
  const key = method.toLowerCase() as Method;
  if (item[key]) throw new Error(`${what.operationId} and ${item[key].operationId} are both ${method} ${path}`);
  item[key] = what;
}

function describe(
  { name, operations, overNats = true }: Omit<ServiceContract, 'port'>,
  operation: Operation,
  book: SchemaBook,
): OperationObject {
  const { parameters, body } = httpInput(operation, book);
  const revision = hasRevision(operation);
  parameters.push(requestIdParameter);
  if (revision && operation.method === 'GET') {
    parameters.push({
      name: 'If-None-Match',
      in: 'header',
      description: 'The ETag of an answer that is at hand: 304 while it holds',
      schema: { type: 'string' },
    });
  }
  return {
    operationId: operation.subject,
    tags: [name],
    summary: operation.summary,
    description: `${access[operation.access]}.${overNats ? ` Over NATS: a request to \`${operation.subject}\`.` : ''}`,
    parameters,
    ...(body ? { requestBody: body } : {}),
    responses: {
      ...successes(operation, book, { revision, location: makesMember(operation, operations) }),
      ...Object.fromEntries(
        errorsOf(operation).map((code) => [statusOf[code], { $ref: `#/components/responses/${code}` }]),
      ),
    },
    'x-access': operation.access,
    'x-kind': operation.kind,
  };
}

function successes(
  operation: Operation,
  book: SchemaBook,
  has: { revision: boolean; location: boolean },
): Record<string, ResponseObject> {
  const schema = book.of(operation.output, 'output');
  const etag: Record<string, ResponseHeader> = has.revision
    ? {
        ETag: {
          description: 'Of this answer, for If-None-Match; and for If-Match, where what it shows is changed',
          schema: { type: 'string' },
        },
      }
    : {};
  const location: Record<string, ResponseHeader> = has.location
    ? { Location: { description: 'Path of what was made', schema: { type: 'string' } as JsonSchema } }
    : {};
  const respond = (description: string, headers: Record<string, ResponseHeader>): ResponseObject => ({
    description,
    headers: { ...headers, ...requestIdHeader },
    content: { 'application/json': { schema } },
  });
  const result = {
    [operation.success]: respond(operation.success === 201 ? 'Done, and made' : 'Done', { ...etag, ...location }),
  };
  if (operation.kind === 'command') {
    result[202] = respond('Stored for good and counted once, but not visible to queries yet', { ...etag, ...location });
  }
  if (has.revision && operation.method === 'GET') {
    result[304] = { description: 'Still as in the answer that is at hand', headers: { ...etag, ...requestIdHeader } };
  }
  return result;
}

/** Whether answers have an ETag. What was removed has none. */
function hasRevision({ output, method }: Operation): boolean {
  const shape = (output as { shape?: Record<string, unknown> }).shape;
  return method !== 'DELETE' && shape !== undefined && 'revision' in shape;
}

/** Whether what was made can be fetched from a path of its own below this one: Location names it. */
function makesMember({ success, path }: Operation, operations: Operations): boolean {
  const member = (other: Operation): boolean =>
    other.http && other.method === 'GET' && other.path.replace(/\/:\w+$/, '') === path;
  return success === 201 && Object.values(operations).some(member);
}
