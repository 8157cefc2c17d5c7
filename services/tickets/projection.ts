/** Projects and reads tickets. Support and technical support keep the same tickets in tables with different columns. */
import { eq, sql } from 'drizzle-orm';
import type { SQLiteColumn, SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Database } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { type KnownTicket, type StoredFact, ticketOf, withEvent } from './ticket.ts';

/** The columns that both tables have. `facts` and `document` (the ticket) are JSON. */
export interface TicketRow {
  ticketId: string;
  facts: string;
  userId: string | null;
  /** Milliseconds since 1970. */
  openedAt: number | null;
  /** Null until the ticket is opened. */
  document: string | null;
}

/** A table with at least the columns of a TicketRow. */
export type TicketTable = SQLiteTable & Record<keyof TicketRow, SQLiteColumn>;

/** Prepares a reader of a ticket and its facts. */
export function ticketReader(db: Database, table: TicketTable): (ticketId: string) => KnownTicket {
  const { ticketId, facts, document } = table;
  const byId = db
    .select({ facts, document })
    .from(table)
    .where(eq(ticketId, sql.placeholder('ticketId')))
    .prepare();
  return (ticketId) => {
    const row = byId.get({ ticketId }) as Pick<TicketRow, 'facts' | 'document'> | undefined;
    if (!row) return { facts: [], ticket: undefined };
    return {
      facts: JSON.parse(row.facts) as StoredFact[],
      ticket: row.document === null ? undefined : (JSON.parse(row.document) as Ticket),
    };
  };
}

/**
 * Prepares the projection of SUPPORT into a table.
 * @param rowOf makes the row of a table whose columns differ from TicketRow
 */
export function ticketProjection(
  db: Database,
  table: TicketTable,
  rowOf: (row: TicketRow, ticket: Ticket | undefined) => Record<string, unknown> = (row) => ({ ...row }),
): Projection {
  const known = ticketReader(db, table);
  const put = upsert(db, table, [table.ticketId]);
  return {
    stream: 'SUPPORT',
    filter: 'support.>',
    events: Object.values(ticketEvents),
    apply(event) {
      const { ticketId = '' } = event.tokens;
      const facts = withEvent(known(ticketId).facts, event);
      const ticket = ticketOf(ticketId, facts);
      const { userId = null } = ticket ?? {};
      const openedAt = ticket ? Date.parse(ticket.openedAt) : null;
      const document = ticket ? JSON.stringify(ticket) : null;
      put.run(rowOf({ ticketId, facts: JSON.stringify(facts), userId, openedAt, document }, ticket));
    },
  };
}
