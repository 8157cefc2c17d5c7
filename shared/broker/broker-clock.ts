/** Compares this machine's clock with the broker's, which all replicas have in common. */
import { messageOf } from '../operations/errors.ts';
import { correctClock, toleratedMs } from '../process/clock.ts';
import type { Connection } from './connection.ts';
import { deadLetterStream } from './dead-letters.ts';

const everyMs = 10_000;
/** Answers that took longer are ignored, because they say too little about the time at the other end. */
const maxRoundTripMs = 500;

/** Compares the clocks at every connection and every 10 seconds, and corrects the time that is stored from then on. */
export class BrokerClock implements Disposable {
  /** How far this machine's clock is ahead of the broker's; negative when it is behind, null while unknown. */
  aheadMs: number | null = null;
  readonly #connection: Connection;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#unsubscribe = connection.onChange(() => void this.#compare());
    this.#timer = setInterval(() => void this.#compare(), everyMs).unref();
  }

  /** A warning for the operator; undefined while the clocks agree. */
  get warning(): string | undefined {
    if (this.aheadMs === null || Math.abs(this.aheadMs) <= toleratedMs) return undefined;
    const seconds = (Math.abs(this.aheadMs) / 1000).toFixed(1);
    const side = this.aheadMs > 0 ? 'ahead of' : 'behind';
    return `this machine's clock is ${seconds} s ${side} the broker's, whose time is stored: correct the wrong one`;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  /** Never rejects: without an answer the last known difference stays. */
  async #compare(): Promise<void> {
    const { log } = this.#connection;
    try {
      const startedAt = performance.now();
      const { ts } = await this.#connection.link.jsm.streams.info(deadLetterStream);
      const tookMs = performance.now() - startedAt;
      if (!ts || tookMs > maxRoundTripMs) return;
      const before = this.warning;
      this.aheadMs = Math.round(Date.now() - tookMs / 2 - Date.parse(ts));
      correctClock(this.aheadMs);
      if (this.warning && !before) log.warn({ aheadMs: this.aheadMs }, this.warning);
      else if (!this.warning && before) log.warn("this machine's clock agrees with the broker's again");
    } catch (error) {
      log.debug({ reason: messageOf(error) }, "this machine's clock cannot be compared with the broker's");
    }
  }
}
