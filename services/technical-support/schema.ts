/** Tables of the technical-support view. After a change, run `npm run migrations -- technical-support` for its SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Tickets with their service orders. `facts` is the JSON of all facts about a ticket; `document` is the JSON of the
 * ticket as responses show it. A ticket whose opening has not arrived yet from another site has facts only.
 */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    facts: text('facts').notNull(),
    /** Null while the ticket has no order. */
    orderId: text('order_id'),
    userId: text('user_id'),
    state: text('state'),
    /** Milliseconds since 1970. Lists are sorted by it. Null while the ticket has no service order. */
    openedAt: integer('opened_at'),
    document: text('document'),
  },
  (table) => [
    index('tickets_by_order').on(table.orderId, table.openedAt, table.ticketId),
    index('tickets_by_time').on(table.openedAt, table.ticketId),
    index('tickets_by_state').on(table.state, table.openedAt, table.ticketId),
    index('tickets_by_user').on(table.userId, table.openedAt, table.ticketId),
  ],
);
