import { stream } from './stream.ts';

/** The life of every ticket, a subject per ticket and fact. */
export const support = stream({
  name: 'SUPPORT',
  description: 'Support tickets from opening to resolution',
  subjects: ['support.*.*.*'],
});
