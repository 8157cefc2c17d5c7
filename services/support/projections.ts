/** From ticket events to the rows of support. */
import { eq, sql } from 'drizzle-orm';
import { upsert } from '../../shared/views/prepared.ts';
import type { ViewProjections } from '../../shared/views/projection.ts';
import { ticketProjection } from '../tickets/projection.ts';
import { tickets } from './schema.ts';

export const projections: ViewProjections = {
  version: 4,
  migrations: new URL('./migrations', import.meta.url),
  prepare(db) {
    const byId = db
      .select()
      .from(tickets)
      .where(eq(tickets.ticketId, sql.placeholder('ticketId')))
      .prepare();
    const put = upsert(db, tickets, [tickets.ticketId]).prepare();
    return [
      ticketProjection({
        find: (ticketId) => byId.get({ ticketId }),
        put: (row) => put.run({ ...row }),
      }),
    ];
  },
};
