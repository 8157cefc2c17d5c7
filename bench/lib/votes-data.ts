/** Generates synthetic votes: a few movies get most of them, and some viewers take theirs back. */
import { randomFrom, zipf } from './random.ts';

export interface SyntheticVote {
  movieId: number;
  voterId: string;
  liked: boolean;
}

/** Yields `count` votes over movies 1 to `movies`, the same every time. */
export function* syntheticVotes(count: number, movies: number): Generator<SyntheticVote> {
  const random = randomFrom(7);
  const movie = zipf(Math.min(movies, 1_000_000), 0.9, random);
  const voters = Math.max(100, Math.floor(count / 10));
  for (let i = 0; i < count; i++) {
    yield {
      movieId: movie() + 1,
      voterId: `viewer-${Math.floor(random() * voters)}`,
      liked: random() > 0.04,
    };
  }
}
