/** Seeded random numbers, so that every machine has the same data. */
import { Random } from '../../tests/chaos/random.ts';

/** Returns a generator of numbers from 0 (inclusive) to 1 (exclusive). */
export function randomFrom(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

/** Returns a generator of indices 0 to n − 1 by Zipf's law: index i has the weight 1 / (i + 1)^exponent. */
export function zipf(n: number, exponent: number, random: () => number): () => number {
  const sums = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    sum += 1 / (i + 1) ** exponent;
    sums[i] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
