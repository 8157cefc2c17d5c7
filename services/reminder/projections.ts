/** What the view worker needs of reminder. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { libraryProjection } from './library-projection.ts';
import { titlesProjection } from './titles-projection.ts';

export const projections: ViewProjections = {
  version: 2,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [libraryProjection(db), titlesProjection(db)],
};
