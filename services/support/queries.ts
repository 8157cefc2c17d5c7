/** The queries of the support view. Lists return the stored JSON documents unchanged. */
import { eq, sql } from 'drizzle-orm';
import type { PageInput } from '../../shared/operations/cursor.ts';
import type { Database } from '../../shared/views/database.ts';
import { ticketList } from '../tickets/list.ts';
import { ticketReader } from '../tickets/projection.ts';
import { tickets } from './schema.ts';

export type SupportQueries = ReturnType<typeof supportQueries>;

/** Prepares the queries of a support view. */
export function supportQueries(db: Database) {
  const ofUser = ticketList(db, tickets, eq(tickets.userId, sql.placeholder('userId')));
  return {
    known: ticketReader(db, tickets),
    /** Returns a page of a viewer's tickets as JSON. @throws AppError invalid for a cursor of another list */
    list: (userId: string, page: PageInput) => ofUser(JSON.stringify(['support.list', userId]), { userId }, page),
  };
}
