import { stream } from './stream.ts';

/** Messages that could not be processed, and marks that an operator has closed them. */
export const deadletters = stream({
  name: 'DEADLETTERS',
  description: 'Messages that a projection or worker could not take, with the reason',
  subjects: ['deadletters.>'],
});
