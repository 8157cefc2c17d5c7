import assert from 'node:assert/strict';
import { test } from 'vitest';
import { randomOf } from '../movies/testing.ts';
import { addLike, neverLiked, removeLike, weightedRating } from './scores.ts';

const dayMs = 24 * 3600 * 1000;
const now = Date.UTC(2026, 5, 1);

/** The score of likes of so many days ago. */
const scoreOf = (...daysAgo: number[]): number =>
  daysAgo.reduce((score, days) => addLike(score, now - days * dayMs), neverLiked);

/** What the score is the logarithm of, the plain way: each like counts half after seven days. */
const decayed = (...daysAgo: number[]): number => daysAgo.reduce((sum, days) => sum + 0.5 ** (days / 7), 0);

function closeTo(actual: number, expected: number, what?: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what ?? 'score'}: ${actual} is not ${expected}`);
}

test('a like counts half after a week', () => {
  closeTo(scoreOf(7, 7), scoreOf(0));
  closeTo(scoreOf(14, 14, 7), scoreOf(0));
  closeTo(scoreOf(0) - scoreOf(7), 1);
  assert.ok(scoreOf(7) < scoreOf(0) && scoreOf(6.9, 7) > scoreOf(0) && scoreOf(7.1, 7) < scoreOf(0));
});

test('scores differ by what the decayed likes differ, in whatever order they come', () => {
  const random = randomOf(1);
  const ages = (): number[] => Array.from({ length: 1 + random.int(30) }, () => random.int(4000) / 100);
  for (let round = 0; round < 300; round++) {
    const [some, others] = [ages(), ages()];
    closeTo(scoreOf(...some) - scoreOf(...others), Math.log2(decayed(...some) / decayed(...others)));
    closeTo(scoreOf(...some.toReversed()), scoreOf(...some));
  }
});

test('the order never changes by itself: years later it is the same', () => {
  const random = randomOf(2);
  const years = 365 * 5;
  for (let round = 0; round < 300; round++) {
    const likes = [0, 1].map(() => Array.from({ length: 1 + random.int(5) }, () => random.int(60)));
    const [today, later] = [0, years].map((age) => likes.map((days) => scoreOf(...days.map((day) => day + age))));
    const difference = ([a, b]: number[] = []): number => (a as number) - (b as number);
    closeTo(difference(later), difference(today));
  }
});

test('a like that is taken back leaves the score of the others', () => {
  const random = randomOf(3);
  for (let round = 0; round < 300; round++) {
    const days = Array.from({ length: 1 + random.int(20) }, () => random.int(30));
    const day = random.int(30);
    closeTo(removeLike(scoreOf(...days, day), now - day * dayMs, days.length), scoreOf(...days));
  }
  assert.equal(removeLike(scoreOf(3), now - 3 * dayMs, 0), neverLiked);
});

test('without a like a score is below every other, even of a like of 1970', () => {
  assert.ok(neverLiked < addLike(neverLiked, 0));
  assert.ok(neverLiked < addLike(neverLiked, -8.64e15), 'the earliest time that there is');
});

test('a score stays a number, however old the rest is when the newest like goes', () => {
  const decades = 365 * 30;
  const both = scoreOf(decades, 0);
  closeTo(both, scoreOf(0), 'what is so old adds nothing');
  const left = removeLike(both, now, 1);
  assert.ok(Number.isFinite(left) && left > neverLiked && left < scoreOf(300), `${left}`);
  assert.equal(removeLike(left, now - decades * dayMs, 0), neverLiked);
  // Rounding may leave a score a little below the like that it is made of.
  assert.ok(Number.isFinite(removeLike(scoreOf(0) - 1e-12, now, 3)));
});

test('a rating counts the more the more votes it has', () => {
  assert.equal(weightedRating(9, 10_000), (9 + 6.5) / 2);
  assert.ok(weightedRating(8.5, 900_000) > weightedRating(10, 3), 'three votes are not enough for the top');
  assert.ok(weightedRating(2, 900_000) < weightedRating(1, 3), 'nor for the bottom');
  for (const rating of [0, 3, 6.5, 10]) {
    let distance = Math.abs(6.5 - rating);
    for (const votes of [1, 100, 10_000, 1_000_000]) {
      const weighted = weightedRating(rating, votes);
      const next = Math.abs(weighted - rating);
      assert.ok(rating === 6.5 ? weighted === 6.5 : next < distance, `${rating} with ${votes} votes`);
      distance = next;
    }
  }
});

test('a rating without votes says as much as the prior, and no rating is below every rating', () => {
  assert.equal(weightedRating(9.9, null), 6.5);
  assert.equal(weightedRating(9.9, 0), 6.5);
  assert.equal(weightedRating(null, 1_000_000), 0);
  assert.equal(weightedRating(null, null), 0);
  assert.ok(weightedRating(0, 2_000_000) > 0);
});
