/** How this machine's clock differs from the broker's, whose time is what replicas have in common. */
import { messageOf } from '../operations/errors.ts';
import { correctClock, toleratedMs } from '../process/clock.ts';
import type { Connection } from './connection.ts';
import { deadLetterStream } from './dead-letters.ts';

const everyMs = 10_000;
/** An answer that took longer says too little about the time at the other end. */
const longestMs = 500;

/** Compares the clocks at every connection, and every 10 seconds. What is stored from then on has the broker's time. */
export class BrokerClock implements Disposable {
  /** How far this machine's clock is ahead of the broker's, negative where it is behind. Null while it is not known. */
  aheadMs: number | null = null;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#unsubscribe = connection.onChange(() => void this.#compare());
    this.#timer = setInterval(() => void this.#compare(), everyMs).unref();
  }

  /** What is wrong with it, for people; undefined where nothing is. */
  get warning(): string | undefined {
    if (this.aheadMs === null || Math.abs(this.aheadMs) <= toleratedMs) return undefined;
    const seconds = (Math.abs(this.aheadMs) / 1000).toFixed(1);
    const side = this.aheadMs > 0 ? 'ahead of' : 'behind';
    return `this machine's clock is ${seconds} s ${side} the broker's, whose time is stored: set one of them right`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  /** Never rejects: without an answer the last difference counts. */
  async #compare(): Promise<void> {
    const { log } = this.#connection;
    try {
      const startedAt = performance.now();
      const { ts } = await this.#connection.link.jsm.streams.info(deadLetterStream);
      const tookMs = performance.now() - startedAt;
      if (!ts || tookMs > longestMs) return;
      const before = this.warning;
      this.aheadMs = Math.round(Date.now() - tookMs / 2 - Date.parse(ts));
      correctClock(this.aheadMs);
      if (this.warning && !before) log.warn({ aheadMs: this.aheadMs }, this.warning);
      else if (!this.warning && before) log.info("this machine's clock agrees with the broker's again");
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'the clocks cannot be compared');
    }
  }
}
