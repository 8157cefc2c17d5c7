/** What the view worker needs of movies. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { catalogueProjection } from './projection.ts';

export const projections: ViewProjections = {
  version: 3,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [catalogueProjection(db)],
};
