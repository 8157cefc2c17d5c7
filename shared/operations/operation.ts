/** Operations as data: HTTP routes, NATS endpoints, callers and the API documents are all made from one object. */
import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { EventType } from './event.ts';
import { paging } from './fields.ts';

/** Who may call: anyone; anyone known; the user named in the path (or an agent); support agents; administrators. */
export type Access = 'public' | 'known' | 'self' | 'agent' | 'admin';

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** `<service>.<verb>`: the NATS subject and the operation's id everywhere. */
  subject: string;
  /** Name of the service that it is of. */
  service: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with `:name` parameters, each a field of the input. */
  path: string;
  /** Paths of the sample that Marquee replaces. */
  aliases?: string[];
  access: Access;
  summary: string;
  /** A query changes nothing and may be retried; a command may not, unless it carries an id that makes it safe. */
  kind: 'query' | 'command';
  /**
   * For a command: whether such a request may be sent to a second replica while the first may still carry it out, even
   * minutes later. Setting a state is not of that kind: it would undo what came in between.
   */
  idempotent?: (input: Record<string, unknown>) => boolean;
  input: I;
  output: O;
  /** HTTP status of success. */
  success: 200 | 201;
  /** What it may refuse with beside what its kind and its fields bring along (docs/problems.ts). */
  errors: readonly Extract<ErrorCode, 'forbidden' | 'not_found' | 'conflict' | 'precondition_failed'>[];
  /** Request headers that fill input fields: header name (lower case) → field. */
  headers?: Record<string, string>;
  /** False for operations that only other services and operators use, over NATS. */
  http: boolean;
  /** Translates the names that clients of the replaced sample send. */
  legacy?: (input: Record<string, unknown>) => Record<string, unknown>;
  /** A request that works on the shipped catalogue. Shown in the documents, and sent by a test. */
  example: z.input<I>;
}

type Defaults = 'kind' | 'success' | 'http' | 'errors';
type OperationInput<O extends Operation> = Omit<O, 'service' | Defaults> & Partial<Pick<O, Defaults>>;

/**
 * Declares an operation.
 * @example
 * export const getMovie = operation({
 *   subject: 'movies.get', method: 'GET', path: '/movies/:movieId', access: 'public',
 *   summary: 'Details of one movie', input: z.object({ movieId }), output: Movie, example: { movieId: 1 },
 * });
 * @throws Error where the operation could never be answered as it is declared.
 */
export function operation<I extends z.ZodObject, O extends z.ZodType>(
  spec: OperationInput<Operation<I, O>>,
): Operation<I, O> {
  const mistake = mistakeIn(spec);
  if (mistake) throw new Error(`Operation ${spec.subject}: ${mistake}`);
  return {
    service: spec.subject.slice(0, spec.subject.indexOf('.')),
    kind: spec.method === 'GET' ? 'query' : 'command',
    success: 200,
    http: true,
    errors: [],
    ...spec,
  };
}

/** What types cannot see: names that have to be those of input fields. */
function mistakeIn({ path, aliases = [], headers = {}, access, input }: Declared): string | undefined {
  const { shape } = input;
  for (const one of [path, ...aliases]) {
    const stranger = parametersOf(one).find((name) => !Object.hasOwn(shape, name));
    if (stranger) return `its path ${one} has :${stranger}, but its input has no such field`;
  }
  for (const [header, field] of Object.entries(headers)) {
    if (!Object.hasOwn(shape, field)) return `its header ${header} fills ${field}, but its input has no such field`;
    if (header !== header.toLowerCase()) return `its header ${header} has to be written in lower case`;
  }
  if (access === 'self' && !Object.hasOwn(shape, 'userId')) {
    return "its access is 'self', but its input has no userId to compare the caller with";
  }
  if (Object.hasOwn(shape, 'limit') && shape.limit !== paging.limit) {
    return 'its limit is one of its own: use `paging` of fields.ts, so that every list takes the same';
  }
  return undefined;
}

type Declared = Pick<Operation, 'path' | 'access' | 'input'> & Partial<Pick<Operation, 'aliases' | 'headers'>>;

/** Names of the `:name` parts of a path. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
}

export type Operations = Record<string, Operation>;

/** A service as others see it: what the documents, the gateway, the broker's permissions and the service itself are made from. */
export interface ServiceContract<O extends Operations = Operations> {
  name: string;
  description: string;
  /** HTTP port; `<NAME>_PORT` in the environment overrides it. */
  port: number;
  operations: O;
  /** The events whose meaning the service decides. */
  events: readonly EventType[];
  /** The events that it publishes, where they are not those above. */
  publishes?: readonly EventType[];
  /** Names of the services whose operations it calls, or all of them. */
  asks?: readonly string[] | 'all';
  /** Durable consumers of its workers: events that one of its replicas deals with. */
  workers?: readonly { durable: string; event: EventType }[];
  /** Streams that it follows without a view. */
  follows?: readonly { stream: string; filter: string }[];
  /** False where the operations are for HTTP only, as those of the gateway. */
  overNats?: boolean;
}
