/** One request on its way through an operation, over HTTP or NATS: what its handler knows of it, and what is measured. */
import type { Call } from '../operations/endpoint.ts';
import { type GivenOrigin, LazyOrigin } from '../process/trace-context.ts';
import type { Requests } from './telemetry.ts';
import type { Span } from './tracing.ts';

export class RequestScope extends LazyOrigin implements Call {
  readonly startedAt = performance.now();
  readonly deadline: number;
  /** Set as soon as it is known who asks. */
  caller!: Call['caller'];
  readonly #requests: Requests;
  readonly #span: Span;

  constructor(requests: Requests, timeoutMs: number, given: GivenOrigin) {
    super(given);
    this.deadline = Date.now() + timeoutMs;
    this.#requests = requests;
    this.#span = requests.begin(this);
  }

  /** It has been answered. */
  ended(status: number): void {
    this.#requests.end(this.startedAt, status, this.#span);
  }
}
