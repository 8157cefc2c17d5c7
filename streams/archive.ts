import { stream } from './stream.ts';

/** Old messages of other streams, packed. */
export const archive = stream({
  name: 'ARCHIVE',
  description: 'Old messages of other streams, packed by the thousand',
  subjects: ['archive.>'],
});
