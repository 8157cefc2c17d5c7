/** The projections of reminder, as the view worker loads them. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { libraryProjection } from './library-projection.ts';

export const projections: ViewProjections = {
  version: 5,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [libraryProjection(db), catalogueProjection(db)],
};
