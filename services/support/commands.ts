/** Decides whether a ticket is opened or cancelled. Pure: the broker refuses outdated decisions by their sequence. */
import { AppError } from '../../shared/operations/errors.ts';
import { derivedId, timeOrderedId } from '../../shared/operations/ids.ts';
import type { Ticket } from '../tickets/contract.ts';
import { requireTransition, type TicketChange } from '../tickets/ticket.ts';

/** Returns the id of a new ticket. The same viewer and Idempotency-Key always give the same id. */
export function newTicketId(userId: string, idempotencyKey: string | undefined): string {
  return idempotencyKey === undefined ? timeOrderedId() : derivedId('ticket', userId, idempotencyKey);
}

/**
 * Returns null if the ticket exists already, because the request was repeated.
 * @throws AppError idempotency_key_reused if it was opened with another message
 */
export function decideOpen(known: Ticket | undefined, userId: string, message: string): TicketChange | null {
  if (!known) return { fact: 'opened', data: { userId, message } };
  if (known.message !== message) throw new AppError('idempotency_key_reused');
  return null;
}

/** @throws AppError not_found if the viewer has no such ticket; conflict if it can no longer be cancelled */
export function decideCancel(known: Ticket | undefined, userId: string): TicketChange {
  if (known?.userId !== userId) throw new AppError('not_found', 'There is no such ticket.');
  requireTransition(known, 'cancelled');
  return { fact: 'cancelled', data: {} };
}
