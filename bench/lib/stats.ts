/** Statistics over several rounds. */

/** Returns the median, which a single disturbed round does not affect. */
export function median(values: number[]): number {
  return quantile(values, 0.5);
}

/** Returns the `q` quantile. */
export function quantile(values: readonly number[] | Float64Array, q: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}

/** Returns the spread of the rounds: (largest − smallest) / median. */
export function spread(values: number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** Formats a number with three significant digits: 44123 → "44,100", 0.12345 → "0.123". */
export function round(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const digits = 3 - Math.ceil(Math.log10(Math.abs(value)));
  const rounded =
    digits > 0 ? Number(value.toFixed(Math.min(digits, 6))) : Math.round(value / 10 ** -digits) * 10 ** -digits;
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}
