/** Decides about service orders. Pure: the broker refuses outdated decisions by their sequence. */
import { derivedId } from '../../shared/operations/ids.ts';
import type { Ticket } from '../tickets/contract.ts';
import { transition } from '../tickets/states.ts';
import { requireTransition, type TicketChange } from '../tickets/ticket.ts';

/** Returns the order id of a ticket. It is derived, so a ticket can never have two. */
export function orderIdOf(ticketId: string): string {
  return derivedId('order', ticketId);
}

/** Creates the order of a ticket. Returns null if the ticket already has its order or no longer needs one. */
export function decideAcknowledge(known: Ticket | undefined): TicketChange | null {
  if (!known || transition(known.state, 'acknowledged').to === undefined) return null;
  return { fact: 'acknowledged', data: { orderId: orderIdOf(known.ticketId) } };
}

/** Returns null if the order is already assigned to this agent. @throws AppError conflict with the reason */
export function decideAssign(known: Ticket | undefined, assignee: string): TicketChange | null {
  requireTransition(known, 'assigned');
  if (known?.assignee === assignee) return null;
  return { fact: 'assigned', data: { assignee } };
}

/** @throws AppError conflict with the reason */
export function decideResolve(known: Ticket | undefined, resolution: string | null): TicketChange {
  requireTransition(known, 'resolved');
  return { fact: 'resolved', data: { resolution } };
}
