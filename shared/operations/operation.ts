/**
 * Contracts as data. An operation or event is written once; HTTP routes, NATS endpoints, callers, publishers,
 * projections and the API documents are all made from that one object.
 */
import { z } from 'zod';
import type { ErrorCode } from './errors.ts';

/** Who may call: anyone; the user named in the path (or an agent); support agents; administrators. */
export type Access = 'public' | 'self' | 'agent' | 'admin';

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** `<service>.<verb>`: the NATS subject and the operation's id everywhere. */
  subject: string;
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
  errors: readonly ErrorCode[];
  /** Request headers that fill input fields: header name (lower case) → field. */
  headers?: Record<string, string>;
  /** False for operations that only other services and operators use, over NATS. */
  http: boolean;
  /** Translates the names that clients of the replaced sample send. */
  legacy?: (input: Record<string, unknown>) => Record<string, unknown>;
  /** A request that works on the shipped catalogue. Shown in the documents, and sent by a test. */
  example: z.input<I>;
}

type OperationInput<I extends z.ZodObject, O extends z.ZodType> = Omit<
  Operation<I, O>,
  'kind' | 'success' | 'http' | 'errors'
> &
  Partial<Pick<Operation<I, O>, 'kind' | 'success' | 'http' | 'errors'>>;

/**
 * Declares an operation.
 * @example
 * export const getMovie = operation({
 *   subject: 'movies.get', method: 'GET', path: '/movies/:movieId', access: 'public',
 *   summary: 'Details of one movie', input: z.object({ movieId }), output: Movie, example: { movieId: 1 },
 * });
 */
export function operation<I extends z.ZodObject, O extends z.ZodType>(spec: OperationInput<I, O>): Operation<I, O> {
  return {
    kind: spec.method === 'GET' ? 'query' : 'command',
    success: 200,
    http: true,
    errors: [],
    ...spec,
  };
}

/** The operations of one service. */
export type Contract = Record<string, Operation>;

export interface EventType<P extends z.ZodType = z.ZodType> {
  /** CloudEvents type: `marquee.<thing>.<past-tense fact>.v<version>`. */
  type: string;
  stream: string;
  /** Subject with `{name}` tokens, for example `catalogue.{site}.movie.{movieId}`. */
  subject: string;
  summary: string;
  payload: P;
  example: z.input<P>;
}

/**
 * Declares an event: a past-tense fact, owned by one service.
 * @example event({ type: 'marquee.movie.stated.v1', stream: 'CATALOGUE', subject: 'catalogue.{site}.movie.{movieId}', … })
 */
export function event<P extends z.ZodType>(spec: EventType<P>): EventType<P> {
  return spec;
}

/** The subject of an event with its tokens filled in. */
export function subjectOf(type: EventType, tokens: Record<string, string | number>): string {
  return type.subject.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = tokens[name];
    if (value === undefined) throw new Error(`subject ${type.subject} needs ${name}`);
    return String(value);
  });
}

/** The subject filter that matches every event of a type: `{token}` becomes `*`. */
export function filterOf(type: EventType): string {
  return type.subject.replace(/\{\w+\}/g, '*');
}

/** A service as others see it: what the documents, the gateway and the service itself are made from. */
export interface ServiceApi<C extends Contract = Contract> {
  name: string;
  description: string;
  contract: C;
  /** The events whose meaning the service decides. */
  events: readonly EventType[];
  /** False where the operations are for HTTP only, as those of the gateway. */
  overNats?: boolean;
}

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** An id that becomes a subject token. */
export const id = z.string().regex(idPattern, 'must be 1 to 64 letters, digits, _ or -');

/** The same, also accepted as a number, as clients of the replaced sample send it. */
export const userId = z
  .union([id, z.int().min(0).transform(String)])
  .pipe(id)
  .meta({ id: 'UserId', description: 'Id of a viewer: 1 to 64 letters, digits, _ or -' });

export const movieId = z
  .int()
  .min(1)
  .max(2_147_483_647)
  .meta({ id: 'MovieId', description: 'Id of a movie: a positive integer' });

export const timestamp = z.iso.datetime().meta({ description: 'ISO 8601 time in UTC' });

export const limit = z.int().min(1).max(500).default(50).meta({ description: 'Entries a page' });
export const cursor = z
  .string()
  .max(6000)
  .optional()
  .meta({ description: 'The `next` of the page before; its other inputs must stay the same' });

/** A page of `items`; `next` is the cursor of the following page, or null at the end. */
export function page<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** A key that makes a repeated command count once. */
export const idempotencyKey = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .meta({ description: 'Makes a repeat count once; over HTTP the header Idempotency-Key' });
