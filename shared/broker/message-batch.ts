/** Messages of a stream, collected into one transaction of whoever applies them. */
import type { StoredMessage } from './event-codec.ts';

/**
 * So many bytes become one transaction: thousands of votes, one to a message or many. Larger ones save little, and whoever
 * waits for another stream, or for the last message, waits for all of it.
 */
const mostBytes = 1_000_000;
/** What a message counts beside its body. */
const besideBody = 200;
/** So long it waits for messages that the broker has. */
const waitForMoreMs = 50;

/**
 * Collects messages that are on their way, so that they become one transaction: large transactions make a view catch up
 * fast. After the last message for now it waits for nothing but the end of the turn of the event loop.
 */
export class MessageBatch {
  #messages: StoredMessage[] = [];
  #bytes = 0;
  /** Messages behind the last of them. */
  #pending = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #apply: (messages: StoredMessage[], pending: number) => void;
  readonly #failed: AbortController;

  /** @param failed is aborted with what `apply` has thrown; nothing is applied any more then */
  constructor(apply: (messages: StoredMessage[], pending: number) => void, failed: AbortController) {
    this.#apply = apply;
    this.#failed = failed;
  }

  /** @param pending messages behind it */
  add(message: StoredMessage, pending: number): void {
    this.#messages.push(message);
    this.#bytes += message.data.length + besideBody;
    this.#pending = pending;
    if (this.#bytes >= mostBytes) this.#flush();
    else if (this.#pending === 0) this.#scheduled ??= setImmediate(() => this.#flush());
    else this.#timer ??= setTimeout(() => this.#flush(), waitForMoreMs);
  }

  /** Forgets what has not been applied: the next consumer delivers it again. */
  close(): void {
    this.#take();
  }

  #take(): StoredMessage[] {
    clearImmediate(this.#scheduled);
    clearTimeout(this.#timer);
    this.#scheduled = undefined;
    this.#timer = undefined;
    this.#bytes = 0;
    return this.#messages.splice(0);
  }

  #flush(): void {
    const taken = this.#take();
    if (taken.length === 0 || this.#failed.signal.aborted) return;
    try {
      this.#apply(taken, this.#pending);
    } catch (error) {
      this.#failed.abort(error);
    }
  }
}
