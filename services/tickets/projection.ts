/** From ticket events to the tickets of a view: support and technical support keep different rows of the same tickets. */
import type { Projection } from '../../shared/views/projection.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { applyEvent } from './ticket.ts';

/** The rows of a view's tickets. `document` is the ticket as JSON. */
export interface TicketRows<Row extends { document: string }> {
  find(ticketId: string): Row | undefined;
  /** `before` is the row that a ticket has until now. */
  put(ticket: Ticket, before: Row | undefined): void;
}

/** The projection of SUPPORT into rows. */
export function ticketProjection<Row extends { document: string }>({ find, put }: TicketRows<Row>): Projection {
  return {
    stream: 'SUPPORT',
    filter: 'support.>',
    events: Object.values(ticketEvents),
    apply(event) {
      const before = find(event.tokens.ticketId ?? '');
      const ticket = applyEvent(before && (JSON.parse(before.document) as Ticket), event);
      if (ticket) put(ticket, before);
    },
  };
}
