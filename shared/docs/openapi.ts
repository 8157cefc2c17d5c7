/** The OpenAPI 3.1 document of services, made from their contracts by zod-openapi. */
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
import { answerHeaders, commonParameters, ifNoneMatch } from './headers.ts';
import { errorsOf, problemResponses } from './problems.ts';
import { schemaOptions } from './schemas.ts';
import { systemPaths, systemTag } from './system-paths.ts';

/** A service as far as its documents show it. */
type Described = Omit<ServiceContract, 'port'>;

export interface DocumentOptions {
  title: string;
  description: string;
  services: readonly Described[];
  /** Paths that are not operations, such as a stream of events. */
  paths?: ZodOpenApiPathsObject;
  /** The streams themselves, where all of them are described. */
  streams?: readonly { name: string; description: string; subjects: readonly string[] }[];
  /** Whether callers need no token, as no key to check them is configured: X-User-Id says who calls. */
  open?: boolean;
}

const access = {
  public: 'Anyone may call it',
  known: 'For everyone who is known',
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
} as const;

const openSchemes = {
  user: {
    type: 'apiKey',
    in: 'header',
    name: 'X-User-Id',
    description:
      'This service is open: anyone may call every operation, as whom they say that they are, in percent-encoded UTF-8',
  },
} as const;

/**
 * Makes the document.
 * @throws Error when two operations have one path and method, or two types one name.
 * @example createOpenApi({ title: 'Marquee movies', description, services: [{ name: 'movies', description, operations: movies }] })
 */
export function createOpenApi(options: DocumentOptions): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const service of options.services) {
    for (const operation of Object.values(service.operations).filter(({ http }) => http)) {
      const described = describe(service, operation);
      add(paths, operation.path, operation.method, described);
      operation.aliases?.forEach((alias, index) => {
        const operationId = `${operation.subject}.alias${index === 0 ? '' : index + 1}`;
        const description = `The same as ${operation.path}, under the path of the sample that Marquee replaces.`;
        add(paths, alias, operation.method, { ...described, operationId, description, deprecated: true });
      });
    }
  }
  Object.assign(paths, options.paths);
  const securitySchemes = options.open ? openSchemes : tokenSchemes;
  for (const operation of operationsOf<ZodOpenApiOperationObject>(paths)) {
    // A token that is optional says who calls.
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
      servers: [{ url: '/', description: 'Where this document comes from' }],
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
  what: ZodOpenApiOperationObject,
): void {
  const template = path.replace(/:(\w+)/g, '{$1}');
  const item = paths[template] ?? {};
  paths[template] = item;
  const key = method.toLowerCase() as Lowercase<Operation['method']>;
  if (item[key]) throw new Error(`${what.operationId} and ${item[key].operationId} are both ${method} ${path}`);
  item[key] = what;
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
      ...successes(operation, { revision, location: makesMember(operation, operations) }),
      ...Object.fromEntries(errorsOf(operation).map((code) => [codes[code].status, problemResponses[code]])),
      // Before it is known what is asked for: of a URL and headers that are too long.
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
  const { requestId } = answerHeaders;
  const etag = has.revision ? answerHeaders.etag : {};
  const location = has.location ? answerHeaders.location : {};
  const position = kind === 'command' ? answerHeaders.position : {};
  const respond = (description: string): ZodOpenApiResponseObject => ({
    description,
    headers: { ...etag, ...location, ...position, ...requestId },
    content: { 'application/json': { schema } },
  });
  const result = { [success]: respond(success === 201 ? 'Done, and made' : 'Done') };
  if (kind === 'command') result[202] = respond('Stored for good and counted once, but not visible to queries yet');
  if (has.revision && method === 'GET') {
    result[304] = { description: 'Still as in the answer that is at hand', headers: { ...etag, ...requestId } };
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

/** The input of an operation as parameters and body. */
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

/** Gives each parameter its value in `x-example`, which goes: zod-openapi itself knows examples of types only. */
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
