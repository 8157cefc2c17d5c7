/** Messages of a stream, collected into one transaction of whoever applies them. */
import type { StoredMessage } from './event-codec.ts';

/** A transaction is to take about so long, within these numbers of messages: whoever waits for its last message waits for all. */
const transactionMs = 100;
const fewest = 1000;
const most = 10_000;
/** So long it waits for messages that the broker has. */
const waitForMoreMs = 50;

/**
 * Collects messages that are on their way, so that they become one transaction: large transactions make a view catch up
 * fast. After the last message for now it waits for nothing but the end of the turn of the event loop.
 */
export class MessageBatch {
  failure: Error | undefined;
  #messages: StoredMessage[] = [];
  /** Messages behind the last of them. */
  #pending = 0;
  #flushAt = fewest;
  #scheduled: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #apply: (messages: StoredMessage[], pending: number) => void;
  readonly #failed: () => void;

  /** @param failed is called when `apply` has thrown; nothing is applied any more then */
  constructor(apply: (messages: StoredMessage[], pending: number) => void, failed: () => void) {
    this.#apply = apply;
    this.#failed = failed;
  }

  /** @param pending messages behind it */
  add(message: StoredMessage, pending: number): void {
    this.#messages.push(message);
    this.#pending = pending;
    if (this.#messages.length >= this.#flushAt) this.#flush();
    else if (this.#pending === 0) this.#scheduled ??= setImmediate(() => this.#flush());
    else this.#timer ??= setTimeout(() => this.#flush(), waitForMoreMs);
  }

  /** Forgets what has not been applied: the next consumer delivers it again. */
  close(): void {
    this.#unschedule();
    this.#messages = [];
  }

  #unschedule(): void {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#timer);
    this.#scheduled = undefined;
    this.#timer = undefined;
  }

  #flush(): void {
    this.#unschedule();
    const taken = this.#messages;
    this.#messages = [];
    if (taken.length === 0 || this.failure) return;
    const startedAt = performance.now();
    try {
      this.#apply(taken, this.#pending);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      this.#failed();
    }
    const fitting = (taken.length * transactionMs) / (performance.now() - startedAt);
    // A few messages say little about the cost of many.
    if (taken.length >= fewest) this.#flushAt = Math.round(Math.min(Math.max(fitting, fewest), most));
  }
}
