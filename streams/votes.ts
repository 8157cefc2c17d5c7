import { stream } from './stream.ts';

/** All votes. One subject per movie, not per voter, because the broker keeps every distinct subject in memory. */
export const votes = stream({
  name: 'VOTES',
  description: 'Likes and unlikes of movies by viewers',
  subjects: ['votes.>'],
});
