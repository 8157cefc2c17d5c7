import { stream } from './stream.ts';

/** The last event of each movie: a compacted log with the whole state of the movie in each event. */
export const catalogue = stream({
  name: 'CATALOGUE',
  description: 'Movies as they are now: the last state of each',
  subjects: ['catalogue.>'],
  max_msgs_per_subject: 1,
});
