/**
 * The thread of paced.ts that says when requests are due. It sleeps between two of them with the clock of the system, whose
 * steps are a tenth of a millisecond; timers have steps of a whole one, and watching the clock would take one of two
 * cores from what is measured.
 */
import { parentPort } from 'node:worker_threads';

export interface Beats {
  /** Milliseconds since 1970, with fractions. */
  startAt: number;
  /** A second. */
  rate: number;
  total: number;
}

const never = new Int32Array(new SharedArrayBuffer(4));
const now = (): number => performance.timeOrigin + performance.now();

parentPort?.on('message', ({ startAt, rate, total }: Beats) => {
  for (let due = 0; due < total; ) {
    const wait = startAt + (due * 1000) / rate - now();
    if (wait > 0) Atomics.wait(never, 0, 0, wait);
    const until = Math.min(total, Math.floor(((now() - startAt) * rate) / 1000) + 1);
    if (until <= due) continue;
    due = until;
    parentPort?.postMessage(due);
  }
});
