/** W3C trace context and request ids, which connect the log lines, spans and events of one request. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/**
 * Origin of the current work. Set for commands and workers, so that the events they publish carry it without services
 * passing it on. Queries publish nothing and do not pay for it.
 */
export const currentOrigin = new AsyncLocalStorage<Origin | undefined>();

/** Versions after 00 may append fields; the first four keep their meaning. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:$|-)/;
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** Returns a received traceparent as version 00 if it is valid, since it goes into headers and logs. */
export function acceptTraceparent(text: string | undefined): string | undefined {
  const rest = text ? traceparentPattern.exec(text)?.[1] : undefined;
  return (rest && (text?.startsWith('00-') ? text.length === 55 && text : `00${rest}`)) || undefined;
}

/** Returns a received request id if it is safe in headers and logs. */
export function acceptRequestId(text: string | undefined): string | undefined {
  return text && requestIdPattern.test(text) ? text : undefined;
}

export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** Returns whether the trace is being recorded. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;
}

/** Creates the traceparent of a new trace that is not recorded. */
export function newTraceparent(): string {
  const id = randomUUID().replaceAll('-', '');
  return `00-${id}-${id.slice(16)}-00`;
}

/** Origin of a request as stated by its client, not yet validated. */
export interface GivenOrigin {
  readonly traceparent?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The request or event that a piece of work belongs to, and what that work has written. */
export class Origin {
  /** The client's own id of the request, if it sent a valid one. */
  readonly givenRequestId: string | undefined;
  readonly #given: GivenOrigin;
  #traceparent: string | undefined;
  #written: Map<string, number> | undefined;

  constructor(given: GivenOrigin) {
    this.#given = given;
    this.givenRequestId = acceptRequestId(given.requestId);
  }

  /**
   * `00-<trace id>-<span id>-<flags>`: the client's, or that of a new, unrecorded trace. Created on first use: most
   * responses need none, and on Deno reading a header is a call out of JavaScript.
   */
  get traceparent(): string {
    this.#traceparent ??= acceptTraceparent(this.#given.traceparent) ?? newTraceparent();
    return this.#traceparent;
  }

  set traceparent(own: string) {
    this.#traceparent = own;
  }

  /** The client's id of the request, or else the trace id. */
  get requestId(): string {
    return this.givenRequestId ?? traceIdOf(this.traceparent);
  }

  /** Fields of its log lines, which can be found by the client's request id or by the trace. */
  get ids(): { traceId: string; requestId: string } {
    return { traceId: traceIdOf(this.traceparent), requestId: this.requestId };
  }

  /** Last sequence in each stream that the work has stored, or has found already stored. */
  get written(): ReadonlyMap<string, number> | undefined {
    return this.#written;
  }

  recordWrite(stream: string, sequence: number): void {
    this.#written ??= new Map();
    this.#written.set(stream, Math.max(sequence, this.#written.get(stream) ?? 0));
  }
}
