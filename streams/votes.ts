import { stream } from './stream.ts';

/** Every vote ever given. One subject per movie, not per voter: the broker keeps each distinct subject in memory. */
export const votes = stream({
  name: 'VOTES',
  description: 'Likes and unlikes of movies by viewers',
  subjects: ['votes.>'],
});
