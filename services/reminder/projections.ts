/** What the thread of views needs of reminder. */
import type { KeptView } from '../../shared/views/messages.ts';
import { libraryProjection } from './library-projection.ts';
import { titlesProjection } from './titles-projection.ts';

export const view: KeptView = {
  version: 2,
  migrations: new URL('./migrations', import.meta.url),
  projections: (db) => [libraryProjection(db), titlesProjection(db)],
};
