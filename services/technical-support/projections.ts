/** What the thread of views needs of technical-support. */
import type { KeptView } from '../../shared/views/messages.ts';
import { ordersProjection } from './projection.ts';

export const view: KeptView = {
  version: 1,
  migrations: new URL('./migrations', import.meta.url),
  projections: (db) => [ordersProjection(db)],
};
