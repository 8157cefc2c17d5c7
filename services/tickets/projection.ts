/** From ticket events to the tickets of a view: support and technical support keep different rows of the same tickets. */
import type { Projection } from '../../shared/views/projection.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { type KnownTicket, type StoredFact, ticketOf, withEvent } from './ticket.ts';

/** What both keep of a ticket. `facts` and `document`, the ticket, are JSON; there is no document before it was opened. */
export interface TicketRow {
  ticketId: string;
  facts: string;
  userId: string | null;
  /** Milliseconds since 1970. */
  openedAt: number | null;
  document: string | null;
}

/** The rows of a view's tickets. */
export interface TicketRows {
  find(ticketId: string): Pick<TicketRow, 'facts'> | undefined;
  put(row: TicketRow, ticket: Ticket | undefined): void;
}

/** The projection of SUPPORT into rows. */
export function ticketProjection({ find, put }: TicketRows): Projection {
  return {
    stream: 'SUPPORT',
    filter: 'support.>',
    events: Object.values(ticketEvents),
    apply(event) {
      const { ticketId = '' } = event.tokens;
      const before = find(ticketId);
      const facts = withEvent(before ? (JSON.parse(before.facts) as StoredFact[]) : [], event);
      if (!facts) return;
      const ticket = ticketOf(ticketId, facts);
      const { userId = null } = ticket ?? {};
      const openedAt = ticket ? Date.parse(ticket.openedAt) : null;
      const document = ticket ? JSON.stringify(ticket) : null;
      put({ ticketId, facts: JSON.stringify(facts), userId, openedAt, document }, ticket);
    },
  };
}

/** What a row says of its ticket. */
export function knownTicket(row: Pick<TicketRow, 'facts' | 'document'> | undefined): KnownTicket {
  if (!row) return { facts: [], ticket: undefined };
  return {
    facts: JSON.parse(row.facts) as StoredFact[],
    ticket: row.document === null ? undefined : (JSON.parse(row.document) as Ticket),
  };
}
