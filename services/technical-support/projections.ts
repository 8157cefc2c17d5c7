/** The projection of technical support, as the view worker loads it. */
import type { ViewProjections } from '../../shared/views/projection.ts';
import type { Ticket } from '../tickets/contract.ts';
import { type TicketRow, ticketProjection } from '../tickets/projection.ts';
import { tickets } from './schema.ts';

export const projections: ViewProjections = {
  version: 4,
  migrations: new URL('./migrations', import.meta.url),
  prepare: (db) => [ticketProjection(db, tickets, orderRow)],
};

function orderRow(row: TicketRow, ticket: Ticket | undefined): typeof tickets.$inferInsert {
  const { orderId = null, state = null } = ticket ?? {};
  return { ...row, orderId, state, openedAt: orderId === null ? null : row.openedAt };
}
