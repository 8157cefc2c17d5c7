/** Messages of a view's streams that went to DEADLETTERS, for those who want to know. */
import type { Telemetry } from '../observe/telemetry.ts';
import type { Buried } from './messages.ts';

/** Of before anybody asked. */
const most = 100;

export class BuriedList {
  readonly #telemetry: Telemetry;
  readonly #last: Buried[] = [];
  readonly #listeners = new Set<(message: Buried) => void>();

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  add(message: Buried): void {
    this.#telemetry.metrics.deadLetters(message.stream).add();
    this.#last.push(message);
    if (this.#last.length > most) this.#last.shift();
    for (const listener of this.#listeners) listener(message);
  }

  /** Tells of messages, the last ones of before too. Gives the function that ends it. */
  listen(listener: (message: Buried) => void): () => void {
    for (const message of this.#last) listener(message);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
