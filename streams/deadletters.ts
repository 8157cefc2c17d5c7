import { stream } from './stream.ts';

/** What could not be taken, and that an operator has closed it. */
export const deadletters = stream({
  name: 'DEADLETTERS',
  description: 'Messages that a projection or worker could not take, with the reason',
  subjects: ['deadletters.>'],
});
