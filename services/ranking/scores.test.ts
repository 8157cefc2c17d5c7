import assert from 'node:assert/strict';
import { test } from 'vitest';
import { randomOf } from '../movies/testing.ts';
import { neverLiked, trendingOf, weightedRating, weightOf } from './scores.ts';

const dayMs = 24 * 3600 * 1000;
const now = Date.UTC(2026, 5, 1);

/** Returns the trending score of likes with the given ages. */
const scoreOf = (...daysAgo: number[]): number => trendingOf(weightOfAll(daysAgo));
const weightOfAll = (daysAgo: number[]): bigint =>
  daysAgo.reduce((sum, days) => sum + weightOf(now - days * dayMs), 0n);

/** Computes directly what the score is the logarithm of: a like loses half of its weight in seven days. */
const decayed = (...daysAgo: number[]): number => daysAgo.reduce((sum, days) => sum + 0.5 ** (days / 7), 0);

function closeTo(actual: number, expected: number, what?: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what ?? 'score'}: ${actual} is not ${expected}`);
}

test('halves the weight of a like after a week', () => {
  closeTo(scoreOf(7, 7), scoreOf(0));
  closeTo(scoreOf(14, 14, 7), scoreOf(0));
  closeTo(scoreOf(0) - scoreOf(7), 1);
  assert.ok(scoreOf(7) < scoreOf(0) && scoreOf(6.9, 7) > scoreOf(0) && scoreOf(7.1, 7) < scoreOf(0));
});

test('gives scores that differ like the decayed likes, in any order of likes', () => {
  const random = randomOf(1);
  const ages = (): number[] => Array.from({ length: 1 + random.int(30) }, () => random.int(4000) / 100);
  for (let round = 0; round < 300; round++) {
    const [some, others] = [ages(), ages()];
    closeTo(scoreOf(...some) - scoreOf(...others), Math.log2(decayed(...some) / decayed(...others)));
    assert.equal(scoreOf(...some.toReversed()), scoreOf(...some), 'exactly equal');
  }
});

test('keeps the order of scores over years without new likes', () => {
  const random = randomOf(2);
  const years = 365 * 5;
  for (let round = 0; round < 300; round++) {
    const likes = [0, 1].map(() => Array.from({ length: 1 + random.int(5) }, () => random.int(60)));
    const [today, later] = [0, years].map((age) => likes.map((days) => scoreOf(...days.map((day) => day + age))));
    const difference = ([a, b]: number[] = []): number => (a as number) - (b as number);
    closeTo(difference(later), difference(today));
  }
});

test('restores the exact score when a like is taken back', () => {
  const random = randomOf(3);
  for (let round = 0; round < 300; round++) {
    const days = Array.from({ length: 1 + random.int(20) }, () => random.int(3000));
    const day = random.int(30);
    const left = weightOfAll([...days, day]) - weightOf(now - day * dayMs);
    assert.equal(trendingOf(left), scoreOf(...days));
  }
  assert.equal(trendingOf(0n), neverLiked);
});

test('gives finite scores for extreme times, above the score without likes', () => {
  for (const time of [0, -8.64e15, 8.64e15]) {
    const score = trendingOf(weightOf(time));
    assert.ok(Number.isFinite(score) && score > neverLiked, `${time}: ${score}`);
  }
  assert.ok(trendingOf(weightOf(8.64e15)) > scoreOf(0) && trendingOf(weightOf(0)) < scoreOf(0));
});

test('gives a rating more weight when it has more votes', () => {
  assert.equal(weightedRating(9, 10_000), (9 + 6.5) / 2);
  assert.ok(weightedRating(8.5, 900_000) > weightedRating(10, 3), 'three votes do not suffice for the top');
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

test('gives the prior for a rating without votes, and 0 without a rating', () => {
  assert.equal(weightedRating(9.9, null), 6.5);
  assert.equal(weightedRating(9.9, 0), 6.5);
  assert.equal(weightedRating(null, 1_000_000), 0);
  assert.equal(weightedRating(null, null), 0);
  assert.ok(weightedRating(0, 2_000_000) > 0);
});
