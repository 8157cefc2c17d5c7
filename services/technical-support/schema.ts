/** Tables of the technical-support view. `npm run migrations -- technical-support` turns a change here into SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Tickets with their service orders. `document` is the answer's JSON, made once when the ticket changes. */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    /** Null while the ticket has no order. */
    orderId: text('order_id'),
    /** Stream sequence of the acknowledged event: the order of the list. */
    orderSequence: integer('order_sequence'),
    userId: text('user_id').notNull(),
    state: text('state').notNull(),
    document: text('document').notNull(),
  },
  (table) => [
    index('tickets_by_order').on(table.orderId, table.orderSequence),
    index('tickets_by_sequence').on(table.orderSequence),
    index('tickets_by_state').on(table.state, table.orderSequence),
    index('tickets_by_user').on(table.userId, table.orderSequence),
  ],
);
