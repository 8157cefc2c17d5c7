/** Tables of the support view. `npm run migrations -- support` turns a change here into SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/** Tickets as they are. `document` is the answer's JSON, made once when the ticket changes. */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    userId: text('user_id').notNull(),
    /** Stream sequence of the opened event: the order of the list. */
    openedSequence: integer('opened_sequence').notNull(),
    document: text('document').notNull(),
  },
  (table) => [index('tickets_by_user').on(table.userId, table.openedSequence)],
);
