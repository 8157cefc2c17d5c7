import { stream } from './stream.ts';

/** The history of every ticket, with a subject for each ticket and event type. */
export const support = stream({
  name: 'SUPPORT',
  description: 'Support tickets from opening to resolution',
  subjects: ['support.*.*.*'],
});
