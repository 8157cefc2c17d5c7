import { stream } from './stream.ts';

/**
 * A compacted log: each event has the whole state of a movie. The last few events of each movie are kept, so that an
 * unreadable message does not replace the last readable state.
 */
export const catalogue = stream({
  name: 'CATALOGUE',
  description: 'Movies as they are now: the last state of each',
  subjects: ['catalogue.>'],
  max_msgs_per_subject: 4,
});
