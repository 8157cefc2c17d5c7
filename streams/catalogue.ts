import { stream } from './stream.ts';

/**
 * A compacted log: each event has the whole state of a movie. The last few of each are kept, so that a message that nobody
 * can read does not take the place of the state before it.
 */
export const catalogue = stream({
  name: 'CATALOGUE',
  description: 'Movies as they are now: the last state of each',
  subjects: ['catalogue.>'],
  max_msgs_per_subject: 4,
});
