/** W3C trace context and request ids: what connects the lines, spans and events of one request. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/**
 * The origin of the work that is going on: set for commands and for workers, so that the events that they publish
 * carry it and no code of a service has to pass it on. Queries publish nothing and do not pay for it.
 */
export const currentOrigin = new AsyncLocalStorage<Origin | undefined>();

/** Versions after 00 may have more behind; what is before that means the same. */
const traceparentPattern = /^(?!ff)[0-9a-f]{2}(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?:$|-)/;
const requestIdPattern = /^[\x21-\x7e]{1,128}$/;

/** A traceparent that was sent to us, if it is one: it goes into headers and logs. */
export function acceptTraceparent(text: string | undefined): string | undefined {
  const rest = text ? traceparentPattern.exec(text)?.[1] : undefined;
  return (rest && (text?.startsWith('00-') ? text.length === 55 && text : `00${rest}`)) || undefined;
}

/** A request id that was sent to us, if it is fit for headers and logs. */
export function acceptRequestId(text: string | undefined): string | undefined {
  return text && requestIdPattern.test(text) ? text : undefined;
}

export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** Whether someone records the trace. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;
}

/** A new trace that nobody records. */
export function newTraceparent(): string {
  const id = randomUUID().replaceAll('-', '');
  return `00-${id}-${id.slice(16)}-00`;
}

/** What a client says of the origin of its request, if it does. */
export interface GivenOrigin {
  readonly traceparent?: string | undefined;
  readonly requestId?: string | undefined;
}

/** What a piece of work belongs to. */
export class Origin {
  /** What the client calls the request, if it does. */
  readonly givenRequestId: string | undefined;
  readonly #given: GivenOrigin;
  #traceparent: string | undefined;
  #written: Map<string, number> | undefined;

  constructor(given: GivenOrigin) {
    this.#given = given;
    this.givenRequestId = acceptRequestId(given.requestId);
  }

  /**
   * `00-<trace id>-<span id>-<flags>`: what the client sent, or that of a trace that nobody records. Most answers need none, and
   * on Deno each header is a call out of JavaScript.
   */
  get traceparent(): string {
    this.#traceparent ??= acceptTraceparent(this.#given.traceparent) ?? newTraceparent();
    return this.#traceparent;
  }

  set traceparent(own: string) {
    this.#traceparent = own;
  }

  /** What the client calls the request, else the trace id. */
  get requestId(): string {
    return this.givenRequestId ?? traceIdOf(this.traceparent);
  }

  /** What a line about it carries, so that it is found by the id that the client has, and with its trace. */
  get ids(): { traceId: string; requestId: string } {
    return { traceId: traceIdOf(this.traceparent), requestId: this.requestId };
  }

  /** The last sequence of each stream that the work has stored something at, or has found it stored. */
  get written(): ReadonlyMap<string, number> | undefined {
    return this.#written;
  }

  wrote(stream: string, sequence: number): void {
    this.#written ??= new Map();
    this.#written.set(stream, Math.max(sequence, this.#written.get(stream) ?? 0));
  }
}
