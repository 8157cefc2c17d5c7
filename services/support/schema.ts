/** Tables of the support view. `npm run migrations -- support` turns a change here into SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Tickets as they are. `facts` is all that was said of one, as JSON; `document` the answer's JSON, made once when the ticket
 * changes. Of one that is not opened yet, as facts of two sites may cross, there are facts only.
 */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    facts: text('facts').notNull(),
    userId: text('user_id'),
    /** Milliseconds since 1970: the order of the list. */
    openedAt: integer('opened_at'),
    document: text('document'),
  },
  (table) => [index('tickets_by_user').on(table.userId, table.openedAt, table.ticketId)],
);
