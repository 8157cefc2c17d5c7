/** Operations as data: HTTP route, NATS endpoint, caller and API documents all use the object that declares one. */
import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';
import type { EventType } from './event.ts';
import { paging } from './fields.ts';

/** Who may call: anyone; any identified user; the user named in the input (or an agent); agents; administrators. */
export type Access = 'public' | 'known' | 'self' | 'agent' | 'admin';

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** `<service>.<verb>`: the NATS subject, and the operation's id everywhere else. */
  subject: string;
  /** Name of the service that implements the operation. */
  service: string;
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path with `:name` parameters, each a field of the input. */
  path: string;
  /** Legacy paths, from the sample application that Marquee replaces. */
  aliases?: string[];
  access: Access;
  summary: string;
  /** A query changes nothing and may be retried. A command needs an id in its input that makes this safe. */
  kind: 'query' | 'command';
  /**
   * Returns whether a command may be sent to a second replica while the first may still carry it out, even minutes
   * later. Setting a state is not idempotent in this sense: a late repeat would undo changes in between.
   */
  idempotent?: (input: Record<string, unknown>) => boolean;
  input: I;
  output: O;
  /** HTTP status of success. */
  success: 200 | 201;
  /** Error codes besides those that follow from its kind, access and fields (docs/problems.ts). */
  errors: readonly Extract<ErrorCode, 'forbidden' | 'not_found' | 'conflict' | 'precondition_failed'>[];
  /** Request headers that fill input fields: header name (lower case) → field. */
  headers?: Record<string, string>;
  /** False for operations that only other services and operators call, over NATS. */
  http: boolean;
  /** Translates the field names of legacy clients. */
  legacy?: (input: Record<string, unknown>) => Record<string, unknown>;
  /** Input that works with the shipped catalogue. The documents show it, and a test sends it. */
  example: z.input<I>;
}

type Defaults = 'kind' | 'success' | 'http' | 'errors';
type OperationInput<O extends Operation> = Omit<O, 'service' | Defaults> & Partial<Pick<O, Defaults>>;

/**
 * Declares an operation.
 * @example
 * export const movies = {
 *   get: operation({
 *     subject: 'movies.get', method: 'GET', path: '/movies/:movieId', access: 'public',
 *     summary: 'Details of one movie', input: z.object({ movieId }), output: Movie, example: { movieId: 1 },
 *   }),
 * };
 * @throws Error if the declaration contradicts itself, so that the operation could never succeed
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

/** Checks what types cannot: that parameters and headers are input fields, and the rules for `self` and `limit`. */
function mistakeIn({ path, aliases = [], headers = {}, access, input }: Declared): string | undefined {
  const { shape } = input;
  for (const one of [path, ...aliases]) {
    const unknown = parametersOf(one).find((name) => !Object.hasOwn(shape, name));
    if (unknown) return `its path ${one} has :${unknown}, but its input has no such field`;
  }
  for (const [header, field] of Object.entries(headers)) {
    if (!Object.hasOwn(shape, field)) return `its header ${header} fills ${field}, but its input has no such field`;
    if (header !== header.toLowerCase()) return `its header ${header} must be in lower case`;
  }
  if (access === 'self' && !Object.hasOwn(shape, 'userId')) {
    return "its access is 'self', but its input has no userId to compare the caller with";
  }
  if (Object.hasOwn(shape, 'limit') && shape.limit !== paging.limit) {
    return 'it declares its own limit: use `paging` from fields.ts, so that all lists have the same limit';
  }
  return undefined;
}

type Declared = Pick<Operation, 'path' | 'access' | 'input'> & Partial<Pick<Operation, 'aliases' | 'headers'>>;

/** Returns the names of a path's `:name` parameters. */
export function parametersOf(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
}

export type Operations = Record<string, Operation>;

/** A service as others see it. The documents, the gateway and the broker's permissions are derived from it. */
export interface ServiceContract<O extends Operations = Operations> {
  name: string;
  description: string;
  /** HTTP port; `<NAME>_PORT` in the environment overrides it. */
  port: number;
  operations: O;
  /** Events that the service owns: it declares their meaning. */
  events: readonly EventType[];
  /** Events that it publishes, if not exactly those it owns. */
  publishes?: readonly EventType[];
  /** Names of the services whose operations it calls, or `all`. */
  asks?: readonly string[] | 'all';
  /** Its workers: durable consumers, each of whose events one replica handles. */
  workers?: readonly { durable: string; event: EventType }[];
  /** Streams that it reads without a view. */
  follows?: readonly { stream: string; filter: string }[];
  /** False if the operations are available only over HTTP, like the gateway's. */
  overNats?: boolean;
}
