/** From ticket events to rows. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { Database } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type Ticket, ticketEvents } from '../tickets/contract.ts';
import { applyEvent } from '../tickets/ticket.ts';

/** Prepares the projection of SUPPORT. */
export function supportProjection(db: Database): Projection {
  const select = db.$client.prepare<[string], { document: string }>('SELECT document FROM tickets WHERE ticket_id = ?');
  const insert = db.$client.prepare(
    'INSERT INTO tickets (ticket_id, user_id, opened_sequence, document) VALUES (?, ?, ?, ?)',
  );
  const update = db.$client.prepare('UPDATE tickets SET document = ? WHERE ticket_id = ?');

  function apply(event: StoredEvent): void {
    const row = select.get(event.tokens.ticketId ?? '');
    const ticket = applyEvent(row && (JSON.parse(row.document) as Ticket), event);
    if (!ticket) return;
    const document = JSON.stringify(ticket);
    if (row) update.run(document, ticket.ticketId);
    else insert.run(ticket.ticketId, ticket.userId, ticket.revision, document);
  }

  return { stream: 'SUPPORT', filter: 'support.>', events: Object.values(ticketEvents), apply };
}
