/** The time stored in events: this machine's clock, corrected to the broker's when the two are known to differ. */

/** Largest difference that is left uncorrected, in milliseconds: it may be nothing but network latency. */
export const toleratedMs = 1000;

let correctionMs = 0;

/** Returns the current time in milliseconds since 1970. */
export function now(): number {
  return Date.now() + correctionMs;
}

/** @param aheadMs how far this machine's clock is ahead of the broker's; negative when it is behind */
export function correctClock(aheadMs: number): void {
  correctionMs = Math.abs(aheadMs) > toleratedMs ? -aheadMs : 0;
}
