/** The time that is stored: this machine's, or the broker's where the two are known to differ. */

/** A difference that is believed. Less may be the way to the broker and back. Milliseconds. */
export const toleratedMs = 1000;

let correctionMs = 0;

/** Milliseconds since 1970. */
export function now(): number {
  return Date.now() + correctionMs;
}

/** @param aheadMs how far this machine's clock is ahead of the broker's; negative where it is behind */
export function correctClock(aheadMs: number): void {
  correctionMs = Math.abs(aheadMs) > toleratedMs ? -aheadMs : 0;
}
