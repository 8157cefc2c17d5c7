/** Serves an operation over HTTP or NATS: identifies the caller, checks the input, runs it and records telemetry. */
import { type Caller, type Credentials, type Identity, requireAccess, requireCaller } from '../operations/access.ts';
import type { Call, JsonResponse, Runnable } from '../operations/endpoint.ts';
import { AppError, toAppError } from '../operations/errors.ts';
import { type Fields, parseInput } from '../operations/input.ts';
import type { Logger } from '../process/log.ts';
import { type GivenOrigin, Origin } from '../process/trace-context.ts';
import { endSpan, type Requests, type Span, SpanKind, startSpan, traceparentOf } from './telemetry.ts';

/** Metadata that a request carries besides its input. */
export interface GivenRequest extends GivenOrigin, Credentials {
  /** Marquee-Position of an earlier response. */
  readonly position?: string | undefined;
}

/** One request while it is served. */
export class RequestScope extends Origin implements Call {
  readonly startedAt = performance.now();
  readonly deadline: number;
  readonly position: string | undefined;
  /** Set once the caller has been identified. */
  caller!: Call['caller'];
  readonly #given: GivenRequest;
  readonly #requests: Requests;
  /** Undefined unless traces are exported. */
  readonly #span: Span | undefined;

  /** @param timeoutMs time from now until the deadline */
  constructor(requests: Requests, timeoutMs: number, given: GivenRequest) {
    super(given);
    this.#given = given;
    // Read once: on Deno reading a header is a call out of JavaScript.
    this.position = given.position || undefined;
    this.deadline = Date.now() + timeoutMs;
    this.#requests = requests;
    const { metrics, tracer, name, attributes } = requests;
    metrics.started();
    if (!tracer) return;
    this.#span = startSpan(tracer, name, { kind: SpanKind.SERVER, attributes }, given.traceparent);
    this.traceparent = traceparentOf(this.#span) ?? this.traceparent;
  }

  get credentials(): Credentials {
    return this.#given;
  }

  /** Records that the request has been answered. */
  ended(status: number): void {
    const { metrics, status: attribute } = this.#requests;
    const span = this.#span?.isRecording() ? this.#span : undefined;
    metrics.ended(this.startedAt, status, span?.spanContext().traceId);
    // A client error is not a failure of the server.
    if (span) endSpan(span, status >= 500 ? `${status}` : undefined, { [attribute]: status });
  }
}

/** Converts an error to one for the caller. Logs an unexpected error with the ids of its request. */
export function refusalOf(error: unknown, log: Logger, operation: string, origin?: Origin): AppError {
  const refused = toAppError(error);
  if (refused.code === 'internal') {
    log.error({ err: error, operation, ...origin?.ids }, 'a request failed');
  }
  return refused;
}

export interface ServedOptions {
  identity: Identity;
  log: Logger;
  requests: Requests;
  limit?: ReturnType<typeof concurrencyLimit> | undefined;
  /** Called when a request has been answered. */
  ended?: ((scope: RequestScope, status: number) => void) | undefined;
}

/** Functions of a transport for one request. */
export interface Exchange<R> {
  /** Reads the input, once the caller is known. @throws AppError, also as a rejection */
  input(caller: Caller): Fields | Promise<Fields>;
  /** Sends a response. @throws AppError if that is not possible */
  respond(response: JsonResponse): R;
  refuse(error: AppError): R;
}

export type ServedOperation = ReturnType<typeof servedOperation>;

/** Adds caller identification, input checks, the concurrency limit and telemetry to an operation. */
export function servedOperation(runnable: Runnable, { identity, log, requests, limit, ended }: ServedOptions) {
  const { operation } = runnable;
  /** `lastError`: status and message of the last failed request, empty before. */
  const served = { operation, requests, lastError: '', serve };

  /** Serves a request, synchronously if nothing has to be awaited: an await costs a sixth of a small query. */
  function serve<R extends { status: number }>(scope: RequestScope, exchange: Exchange<R>): R | Promise<R> {
    let acquired = false;
    const end = (status: number): void => {
      if (acquired) limit?.release();
      scope.ended(status);
      ended?.(scope, status);
    };
    const refuse = (error: unknown): R => {
      const refused = refusalOf(error, log, operation.subject, scope);
      served.lastError = `${refused.status}: ${refused.message}`;
      end(refused.status);
      return exchange.refuse(refused);
    };
    const run = (given: Fields): JsonResponse | Promise<JsonResponse> => {
      const input = parseInput(operation, given);
      requireAccess(operation, input, scope.caller);
      // Acquired this late so that slow senders, anonymous callers and those over their rate limit take no slot.
      limit?.acquire();
      acquired = true;
      return runnable.run(input, scope);
    };
    const begin = (caller: Caller): JsonResponse | Promise<JsonResponse> => {
      scope.caller = caller;
      requireCaller(operation, caller);
      return andThen(exchange.input(caller), run);
    };
    const respond = (given: JsonResponse): R => {
      let answer: R;
      try {
        answer = exchange.respond(given);
      } catch (error) {
        return refuse(error);
      }
      end(answer.status);
      return answer;
    };
    let response: JsonResponse | Promise<JsonResponse>;
    try {
      // The request may have waited in a queue until after its deadline.
      if (Date.now() > scope.deadline) throw new AppError('unavailable', 'Too many requests: this one timed out.');
      response = andThen(identity.of(scope.credentials), begin);
    } catch (error) {
      return refuse(error);
    }
    return response instanceof Promise ? response.then(respond, refuse) : respond(response);
  }
  return served;
}

/** Passes a value on to `next`: synchronously, or when its promise resolves. */
function andThen<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Creates a limit for the number of requests in progress. */
export function concurrencyLimit(max: number) {
  let inProgress = 0;
  return {
    /** @throws AppError unavailable if the limit is reached */
    acquire(): void {
      if (inProgress >= max) throw new AppError('unavailable', 'Too many requests at once.');
      inProgress++;
    },
    release(): void {
      inProgress--;
    },
  };
}
