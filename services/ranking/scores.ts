/** Scores that rank movies. Pure arithmetic. */

const halfLifeMs = 7 * 24 * 3600 * 1000;
/** A fixed moment: likes of before weigh what one of then does. */
const epochMs = Date.UTC(2020, 0, 1);

/** Trending score of a movie that nobody likes: below every other. */
export const neverLiked = -1e9;

/** Of what a like weighs, so many bits are behind the point. */
const fractionBits = 40;
/** Half-lives from the epoch on within which times count. A clock that is centuries ahead must not make numbers without end. */
const mostHalfLives = 20_000;

/**
 * What a like weighs: twice as much for each half-life that it is later. Weights are whole numbers, so that their sum is the
 * same at every site, in whatever order likes come and go.
 */
export function weightOf(likedAtMs: number): bigint {
  const halfLives = Math.min(Math.max((likedAtMs - epochMs) / halfLifeMs, 0), mostHalfLives);
  const whole = Math.floor(halfLives);
  return BigInt(Math.round(2 ** (halfLives - whole + fractionBits))) << BigInt(whole);
}

/**
 * Trending score of a movie whose likes weigh so much together: the logarithm, so that it is an ordinary number for centuries.
 * All scores decay at the same pace, so their order never changes by itself, and nothing is ever recounted.
 */
export function trendingOf(weight: bigint): number {
  if (weight === 0n) return neverLiked;
  const shift = Math.max(0, 4 * weight.toString(16).length - 64);
  return Math.log2(Number(weight >> BigInt(shift))) + shift;
}

/** The prior of the weighted rating: as if each movie had that many votes of that rating besides its own. */
const priorVotes = 10_000;
const priorRating = 6.5;

/** Bayesian average of a rating (0 to 10) with its number of votes; 0 for a movie without a rating. */
export function weightedRating(rating: number | null, votes: number | null): number {
  if (rating === null) return 0;
  const own = votes ?? 0;
  return (rating * own + priorRating * priorVotes) / (own + priorVotes);
}
