/** An operation as it is served, over HTTP or NATS: who calls, input, the operation itself, and what is measured of it. */
import { type Caller, type Credentials, type Identity, requireAccess, requireCaller } from '../operations/access.ts';
import type { Call, JsonResponse, Runnable } from '../operations/endpoint.ts';
import { AppError, toAppError } from '../operations/errors.ts';
import { type Fields, parseInput } from '../operations/input.ts';
import type { Logger } from '../process/log.ts';
import { type GivenOrigin, Origin } from '../process/trace-context.ts';
import { endSpan, type Requests, type Span, SpanKind, startSpan, traceparentOf } from './telemetry.ts';

/** What a request says beside its input. */
export interface GivenRequest extends GivenOrigin, Credentials {
  /** The Marquee-Position of an answer before it. */
  readonly position?: string | undefined;
}

export class RequestScope extends Origin implements Call {
  readonly startedAt = performance.now();
  readonly deadline: number;
  readonly position: string | undefined;
  /** Set as soon as it is known who asks. */
  caller!: Call['caller'];
  readonly #given: GivenRequest;
  readonly #requests: Requests;
  /** Only where spans are exported. */
  readonly #span: Span | undefined;

  /** @param timeoutMs how long it may take from now on */
  constructor(requests: Requests, timeoutMs: number, given: GivenRequest) {
    super(given);
    this.#given = given;
    // Looked up once: on Deno each header is a call out of JavaScript.
    this.position = given.position;
    this.deadline = Date.now() + timeoutMs;
    this.#requests = requests;
    const { metrics, tracer, name, attributes } = requests;
    metrics.begun();
    if (!tracer) return;
    this.#span = startSpan(tracer, name, { kind: SpanKind.SERVER, attributes }, given.traceparent);
    this.traceparent = traceparentOf(this.#span) ?? this.traceparent;
  }

  get credentials(): Credentials {
    return this.#given;
  }

  /** It has been answered. */
  ended(status: number): void {
    const { metrics, status: attribute } = this.#requests;
    const span = this.#span?.isRecording() ? this.#span : undefined;
    metrics.ended(this.startedAt, status, span?.spanContext().traceId);
    // What the client did wrong is no failure of the server.
    if (span) endSpan(span, status >= 500 ? `${status}` : undefined, { [attribute]: status });
  }
}

/** What is told of an error. A defect of ours is logged, with the request that it belongs to. */
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
  /** Hears how each request ended. */
  ended?: ((scope: RequestScope, status: number) => void) | undefined;
}

/** One request on its transport. */
export interface Exchange<R> {
  /** What it asks, wanted as soon as it is known who does. @throws AppError, also as a rejection */
  input(caller: Caller): Fields | Promise<Fields>;
  /** @throws AppError where the response cannot be sent */
  respond(response: JsonResponse): R;
  refuse(error: AppError): R;
}

export type ServedOperation = ReturnType<typeof servedOperation>;

export function servedOperation(runnable: Runnable, { identity, log, requests, limit, ended }: ServedOptions) {
  const { operation } = runnable;
  /** `lastError`: why the last request that failed did. */
  const served = { operation, requests, lastError: '', serve };

  /** Serves a request, in its turn where nothing is waited for: a wait is a sixth of what a small query costs. */
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
      // Only now: whoever sends slowly, is unknown or over their rate takes no place from others.
      limit?.acquire();
      acquired = true;
      return runnable.run(input, scope);
    };
    const take = (caller: Caller): JsonResponse | Promise<JsonResponse> => {
      scope.caller = caller;
      requireCaller(operation, caller);
      return whenKnown(exchange.input(caller), run);
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
      // It may have waited for its turn.
      if (Date.now() > scope.deadline) throw new AppError('unavailable', 'Too many requests at once: its time is up.');
      response = whenKnown(identity.of(scope.credentials), take);
    } catch (error) {
      return refuse(error);
    }
    return response instanceof Promise ? response.then(respond, refuse) : respond(response);
  }
  return served;
}

/** Goes on with a value, at once where it is known. */
function whenKnown<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** How many requests are worked on at once. */
export function concurrencyLimit(most: number) {
  let taken = 0;
  return {
    /** Takes a place. @throws AppError unavailable where there is none */
    acquire(): void {
      if (taken >= most) throw new AppError('unavailable', 'Too many requests at once.');
      taken++;
    },
    release(): void {
      taken--;
    },
  };
}
