/** What technical support decides about tickets. Pure; the broker's expectation makes sure that it still holds. */
import { derivedId } from '../../shared/operations/ids.ts';
import type { Ticket } from '../tickets/contract.ts';
import { transition } from '../tickets/states.ts';
import { requireTransition, type TicketChange } from '../tickets/ticket.ts';

/** The one order id that a ticket can ever have. */
export function orderIdOf(ticketId: string): string {
  return derivedId('order', ticketId);
}

/** Takes a ticket. Gives null where it has its order already or needs none any more. */
export function decideAcknowledge(known: Ticket | undefined): TicketChange | null {
  if (!known || transition(known.state, 'acknowledged').to === undefined) return null;
  return { fact: 'acknowledged', data: { orderId: orderIdOf(known.ticketId) } };
}

/** Gives null where the order is this agent's already. @throws AppError conflict with the reason. */
export function decideAssign(known: Ticket | undefined, assignee: string): TicketChange | null {
  requireTransition(known, 'assigned');
  if (known?.assignee === assignee) return null;
  return { fact: 'assigned', data: { assignee } };
}

/** @throws AppError conflict with the reason. */
export function decideResolve(known: Ticket | undefined, resolution: string | null): TicketChange {
  requireTransition(known, 'resolved');
  return { fact: 'resolved', data: { resolution } };
}
