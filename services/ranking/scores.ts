/** Scores that rank movies. Pure arithmetic. */

const halfLifeMs = 7 * 24 * 3600 * 1000;
/** Any fixed moment; scores are relative to it. */
const epochMs = Date.UTC(2020, 0, 1);

/** Trending score of a movie that nobody likes: below every other. */
export const neverLiked = -1e9;

/**
 * Trending scores are log₂ of the sum of 2^(age in half-lives) of all likes. All scores decay at the same pace, so
 * their order never changes by itself: a like changes one score, and nothing is ever recounted. The logarithm keeps
 * the numbers small for centuries.
 */
export function addLike(score: number, likedAtMs: number): number {
  const weight = (likedAtMs - epochMs) / halfLifeMs;
  if (score === neverLiked) return weight;
  const high = Math.max(score, weight);
  return high + Math.log2(1 + 2 ** (Math.min(score, weight) - high));
}

/**
 * Takes a like away from a trending score; `remaining` likes are left. Where it was so much of the score that what is
 * left is beyond a double's precision, the rest counts as 2^-50 of it.
 */
export function removeLike(score: number, likedAtMs: number, remaining: number): number {
  if (remaining <= 0) return neverLiked;
  const weight = (likedAtMs - epochMs) / halfLifeMs;
  const left = 1 - 2 ** (weight - score);
  return score + Math.log2(Math.max(left, 2 ** -50));
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
