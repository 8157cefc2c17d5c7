/** From ticket events to rows. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type Ticket, ticketEvents } from '../tickets/contract.ts';
import { applyEvent } from '../tickets/ticket.ts';

/** Prepares the projection of SUPPORT. */
export function ordersProjection(db: Database): Projection {
  const select = db.$client.prepare<[string], { document: string; sequence: number | null }>(
    'SELECT document, order_sequence AS sequence FROM tickets WHERE ticket_id = ?',
  );
  const put = db.$client.prepare(
    `INSERT OR REPLACE INTO tickets (ticket_id, order_id, order_sequence, user_id, state, document)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );

  function apply(event: StoredEvent): void {
    const row = select.get(event.tokens.ticketId ?? '');
    const ticket = applyEvent(row && (JSON.parse(row.document) as Ticket), event);
    if (!ticket) return;
    const { ticketId, orderId, userId, state, revision } = ticket;
    const sequence = orderId === null ? null : (row?.sequence ?? revision);
    put.run(ticketId, orderId, sequence, userId, state, JSON.stringify(ticket));
  }

  return { stream: 'SUPPORT', filter: 'support.>', events: Object.values(ticketEvents), apply };
}
