/** The projection of support, as the view worker loads it. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import { ticketProjection } from '../tickets/projection.ts';
import { tickets } from './schema.ts';

export const projections: ViewProjections = {
  version: 4,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [ticketProjection(db, tickets)],
};
