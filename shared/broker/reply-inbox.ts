/** One inbox for all the replies that a connection waits for, with one timer instead of one per request. */
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { createInbox } from '@nats-io/nats-core';

/** Why no reply came: nobody listens, the deadline passed, or the connection was lost on the way. */
export type NoReply = 'no_responders' | 'timeout' | 'disconnected';

/** To be called once, while a request goes on waiting. */
export interface Late {
  afterMs: number;
  call: () => void;
}

interface Expected {
  deadline: number;
  lateAt: number;
  /** Sweeps that have found it late. */
  sweptLate: number;
  onLate: (() => void) | undefined;
  onReply: (failure: NoReply | null, message: Msg | null) => boolean | undefined;
}

const sweepEveryMs = 50;

/**
 * A reply multiplexer. `expect` gives a reply subject for a request; `onReply` is called with each reply until it
 * returns anything but true, or once with the reason why there is none.
 */
export class ReplyInbox implements Disposable {
  readonly #prefix: string;
  readonly #expected = new Map<string, Expected>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(nc: NatsConnection, inboxPrefix?: string) {
    this.#prefix = `${createInbox(inboxPrefix)}.`;
    nc.subscribe(`${this.#prefix}*`, { callback: (error, message) => this.#receive(error, message) });
  }

  /** Registers a request of at most `timeoutMs` and gives the subject for its replies. */
  expect(timeoutMs: number, onReply: Expected['onReply'], late?: Late): string {
    const key = (this.#next++).toString(36);
    const now = performance.now();
    const lateAt = late ? now + late.afterMs : Number.POSITIVE_INFINITY;
    this.#expected.set(key, { deadline: now + timeoutMs, onReply, lateAt, sweptLate: 0, onLate: late?.call });
    this.#timer ??= setInterval(() => this.#sweep(), sweepEveryMs);
    return this.#prefix + key;
  }

  /** Ends every wait: after a lost connection no reply will come, because inboxes do not outlive it. */
  failAll(failure: NoReply): void {
    const all = [...this.#expected.values()];
    this.#expected.clear();
    for (const expected of all) expected.onReply(failure, null);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.failAll('disconnected');
  }

  #receive(error: Error | null, message: Msg): void {
    if (error) {
      this.failAll('disconnected');
      return;
    }
    const key = message.subject.slice(this.#prefix.length);
    const expected = this.#expected.get(key);
    if (!expected) return;
    // The broker answers an unheard request with an empty message of status 503.
    const unheard = message.data.length === 0 && message.headers?.code === 503;
    const more = unheard ? expected.onReply('no_responders', null) : expected.onReply(null, message);
    if (more !== true) this.#expected.delete(key);
  }

  #sweep(): void {
    const now = performance.now();
    const ended: [string, Expected][] = [];
    for (const [key, expected] of this.#expected) {
      // After a pause of our own its reply may lie unread. What comes before the next sweep is not late.
      if (expected.lateAt <= now && ++expected.sweptLate === 2) expected.onLate?.();
      if (expected.deadline <= now) ended.push([key, expected]);
    }
    // The same holds here: by then what lies there has been read.
    setImmediate(() => {
      for (const [key, expected] of ended) if (this.#expected.delete(key)) expected.onReply('timeout', null);
    });
    if (this.#expected.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
