/** Computes the scores that rank movies. Pure. */

const halfLifeMs = 7 * 24 * 3600 * 1000;
/** Earlier likes weigh as much as a like at this time. */
const epochMs = Date.UTC(2020, 0, 1);

/** Trending score of a movie without likes, lower than any other score. */
export const neverLiked = -1e9;

/** Fraction bits of a weight, which is a fixed-point number. */
const fractionBits = 40;
/** Likes later than this after the epoch weigh no more, so that a clock far in the future cannot make huge numbers. */
const maxHalfLives = 20_000;

/**
 * Returns the weight of a like, which doubles with each half-life after the epoch. Weights are integers, so their sum
 * is exact: every site gets the same sum, in whatever order likes are added and taken back.
 */
export function weightOf(likedAtMs: number): bigint {
  const halfLives = Math.min(Math.max((likedAtMs - epochMs) / halfLifeMs, 0), maxHalfLives);
  const whole = Math.floor(halfLives);
  return BigInt(Math.round(2 ** (halfLives - whole + fractionBits))) << BigInt(whole);
}

/**
 * Returns the trending score for the summed weight of a movie's likes: the logarithm, a usable number for centuries.
 * All scores decay at the same rate, so time alone never changes their order and no score has to be recalculated.
 */
export function trendingOf(weight: bigint): number {
  if (weight === 0n) return neverLiked;
  const shift = Math.max(0, 4 * weight.toString(16).length - 64);
  return Math.log2(Number(weight >> BigInt(shift))) + shift;
}

/** The prior of the weighted rating: each movie counts as having this many additional votes with `priorRating`. */
const priorVotes = 10_000;
const priorRating = 6.5;

/** Returns the Bayesian average of a rating (0 to 10), given its number of votes; 0 without a rating. */
export function weightedRating(rating: number | null, votes: number | null): number {
  if (rating === null) return 0;
  const own = votes ?? 0;
  return (rating * own + priorRating * priorVotes) / (own + priorVotes);
}
