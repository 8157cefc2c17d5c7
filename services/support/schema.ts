/** Tables of the support view. After a change, run `npm run migrations -- support` to generate its SQL. */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

/**
 * Tickets. `facts` is the JSON of all facts about a ticket; `document` is the JSON of the ticket as responses show it.
 * A ticket whose opening has not arrived yet from another site has facts only.
 */
export const tickets = sqliteTable(
  'tickets',
  {
    ticketId: text('ticket_id').primaryKey(),
    facts: text('facts').notNull(),
    userId: text('user_id'),
    /** Milliseconds since 1970. Lists are sorted by it. */
    openedAt: integer('opened_at'),
    document: text('document'),
  },
  (table) => [index('tickets_by_user').on(table.userId, table.openedAt, table.ticketId)],
);
