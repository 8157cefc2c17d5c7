/** The projections of ranking, as the view worker loads them. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { ownGroup } from './partition.ts';
import { votesProjection } from './votes-projection.ts';

export const projections: ViewProjections = {
  version: 11,
  group: ownGroup,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db, config) => [
    catalogueProjection(db, config?.rankingPartition),
    votesProjection(db, config?.rankingPartition),
  ],
};
