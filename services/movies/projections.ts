/** What the thread of views needs of movies. */
import type { KeptView } from '../../shared/views/messages.ts';
import { catalogueProjection } from './projection.ts';

export const view: KeptView = {
  version: 3,
  migrations: new URL('./migrations', import.meta.url),
  projections: (db) => [catalogueProjection(db)],
};
