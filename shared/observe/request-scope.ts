/** One request on its way through an operation, over HTTP or NATS: what its handler knows of it, and what is measured. */
import type { Call } from '../operations/endpoint.ts';
import { type GivenOrigin, LazyOrigin } from '../process/trace-context.ts';
import type { Requests } from './telemetry.ts';
import { endSpan, type Span, SpanKind, startSpan, traceparentOf } from './tracing.ts';

/** What a request says of itself. It may look it up when it is asked. */
export interface GivenRequest extends GivenOrigin {
  /** The Marquee-Position of an answer before it. */
  readonly position?: string | undefined;
}

export class RequestScope extends LazyOrigin implements Call {
  readonly startedAt = performance.now();
  readonly deadline: number;
  /** Set as soon as it is known who asks. */
  caller!: Call['caller'];
  readonly #given: GivenRequest;
  readonly #requests: Requests;
  readonly #span: Span;

  constructor(requests: Requests, timeoutMs: number, given: GivenRequest) {
    super(given);
    this.#given = given;
    this.deadline = Date.now() + timeoutMs;
    this.#requests = requests;
    const { metrics, tracer, name, attributes } = requests;
    metrics.active++;
    this.#span = startSpan(tracer, name, { kind: SpanKind.SERVER, attributes }, this);
    this.continueAs(traceparentOf(this.#span));
  }

  get position(): string | undefined {
    return this.#given.position;
  }

  /** It has been answered. */
  ended(status: number): void {
    const { metrics, status: attribute } = this.#requests;
    metrics.active--;
    metrics.ended(this.startedAt, status);
    // What the client did wrong is no failure of the server.
    if (this.#span.isRecording()) endSpan(this.#span, status >= 500 ? `${status}` : undefined, { [attribute]: status });
  }
}
