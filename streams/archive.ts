import { stream } from './stream.ts';

/** Segments with old messages of other streams. */
export const archive = stream({
  name: 'ARCHIVE',
  description: 'Old messages of other streams, packed by the thousand',
  subjects: ['archive.>'],
});
