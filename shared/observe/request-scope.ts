/** One request on its way through an operation, over HTTP or NATS: what its handler knows of it, and what is measured. */
import type { Credentials } from '../operations/access.ts';
import type { Call } from '../operations/endpoint.ts';
import { type AppError, toAppError } from '../operations/errors.ts';
import { idsOf, type Logger } from '../process/log.ts';
import { type GivenOrigin, LazyOrigin, type Origin } from '../process/trace-context.ts';
import type { Requests } from './telemetry.ts';
import { endSpan, type Span, SpanKind, startSpan, traceparentOf } from './tracing.ts';

/** What a request says beside its input. It may look it up when it is asked. */
export interface GivenRequest extends GivenOrigin, Credentials {
  /** The Marquee-Position of an answer before it. */
  readonly position?: string | undefined;
}

export class RequestScope extends LazyOrigin implements Call {
  readonly startedAt = performance.now();
  readonly deadline: number;
  readonly position: string | undefined;
  /** Set as soon as it is known who asks. */
  caller!: Call['caller'];
  readonly #given: GivenRequest;
  readonly #requests: Requests;
  /** Only where spans are exported. */
  readonly #span: Span | undefined;

  constructor(requests: Requests, timeoutMs: number, given: GivenRequest) {
    super(given);
    this.#given = given;
    // Looked up once: on Deno each header is a call out of JavaScript.
    this.position = given.position;
    this.deadline = Date.now() + timeoutMs;
    this.#requests = requests;
    const { metrics, tracer, name, attributes } = requests;
    metrics.active++;
    if (!tracer) return;
    this.#span = startSpan(tracer, name, { kind: SpanKind.SERVER, attributes }, this);
    this.continueAs(traceparentOf(this.#span));
  }

  get credentials(): Credentials {
    return this.#given;
  }

  /** It has been answered. */
  ended(status: number): void {
    const { metrics, status: attribute } = this.#requests;
    const span = this.#span?.isRecording() ? this.#span : undefined;
    metrics.active--;
    metrics.ended(this.startedAt, status, span?.spanContext().traceId);
    // What the client did wrong is no failure of the server.
    if (span) endSpan(span, status >= 500 ? `${status}` : undefined, { [attribute]: status });
  }
}

/** What is told of an error. A defect of ours is logged, with the request that it belongs to. */
export function refusalOf(error: unknown, log: Logger, operation: string, origin?: Origin): AppError {
  const refused = toAppError(error);
  if (refused.code === 'internal') {
    log.error({ err: error, operation, ...(origin && idsOf(origin)) }, 'a request failed');
  }
  return refused;
}
