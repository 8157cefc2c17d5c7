/** Projections and migrations of the movies view, loaded by the view worker. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { catalogueProjection } from './catalogue-projection.ts';

export const projections: ViewProjections = {
  version: 16,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [catalogueProjection(db)],
};
