/** What the thread of views needs of support. */
import type { KeptView } from '../../shared/views/messages.ts';
import { supportProjection } from './projection.ts';

export const view: KeptView = {
  version: 1,
  migrations: new URL('./migrations', import.meta.url),
  projections: (db) => [supportProjection(db)],
};
