/** What the thread of views needs of ranking. */
import type { KeptView } from '../../shared/views/messages.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { votesProjection } from './votes-projection.ts';

export const view: KeptView = {
  version: 3,
  migrations: new URL('./migrations', import.meta.url),
  projections: (db) => [catalogueProjection(db), votesProjection(db)],
};
