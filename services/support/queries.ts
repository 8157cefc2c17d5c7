/** From rows to answers. Documents are sent as they are stored. */
import { and, desc, eq, sql } from 'drizzle-orm';
import { documentPage } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { openedBefore, placeOf, ticketKey } from '../tickets/list.ts';
import { ticketReader } from '../tickets/projection.ts';
import { tickets } from './schema.ts';

export type SupportQueries = ReturnType<typeof supportQueries>;

/** Prepares the queries of a support view. */
export function supportQueries(db: Database) {
  const asked = sql.placeholder;
  const { ticketId, userId, openedAt } = tickets;
  // Rows without a document have no user and no time, and no condition on these lets them in.
  const document = sql<string>`${tickets.document}`;
  const newest = db
    .select({ openedAt, ticketId, document })
    .from(tickets)
    .where(and(eq(userId, asked('userId')), openedBefore(tickets)))
    .orderBy(desc(openedAt), desc(ticketId))
    .limit(asked('limit'))
    .prepare();

  return {
    known: ticketReader(db, tickets),
    /** A page of a viewer's tickets as JSON. @throws AppError invalid for a cursor of another list. */
    list(userId: string, limit: number, cursor: string | undefined): string {
      const scope = JSON.stringify(['support.list', userId]);
      const rows = newest.all({ userId, ...placeOf(scope, cursor), limit: limit + 1 });
      return documentPage(rows, limit, scope, ticketKey);
    },
  };
}
