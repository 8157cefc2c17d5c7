/** Opening and cancelling tickets. What decides is pure; the broker's expectation makes sure that it still holds. */
import { AppError } from '../../shared/operations/errors.ts';
import { derivedId, timeOrderedId } from '../../shared/operations/ids.ts';
import type { Ticket } from '../tickets/contract.ts';
import { requireTransition, type TicketChange } from '../tickets/ticket.ts';

/** The id of a new ticket. The same viewer and key give the same ticket. */
export function newTicketId(userId: string, idempotencyKey: string | undefined): string {
  return idempotencyKey === undefined ? timeOrderedId() : derivedId('ticket', userId, idempotencyKey);
}

/**
 * Gives null where the ticket is there already: the repeat of a request.
 * @throws AppError idempotency_key_reused where it was opened with another message
 */
export function decideOpen(known: Ticket | undefined, userId: string, message: string): TicketChange | null {
  if (!known) return { fact: 'opened', data: { userId, message } };
  if (known.message !== message) throw new AppError('idempotency_key_reused');
  return null;
}

/** @throws AppError not_found where the viewer has no such ticket, conflict where it cannot be cancelled any more. */
export function decideCancel(known: Ticket | undefined, userId: string): TicketChange {
  if (known?.userId !== userId) throw new AppError('not_found', 'There is no such ticket.');
  requireTransition(known, 'cancelled');
  return { fact: 'cancelled', data: {} };
}
