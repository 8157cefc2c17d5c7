/** Tickets as their events make them. Pure: support and technical-support read and decide with the same code. */
import type { z } from 'zod';
import { type StoredEvent, UnreadableEvent } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { id } from '../../shared/operations/fields.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { type TicketFact, type TicketState, ticketFacts, transition } from './states.ts';

type Payloads = { [F in TicketFact]: z.output<(typeof ticketEvents)[F]['payload']> };

/** A fact about a ticket with its payload. */
export type TicketChange = { [F in TicketFact]: { fact: F; data: Payloads[F] } }[TicketFact];

const factOf = new Map<string, TicketFact>(ticketFacts.map((fact) => [ticketEvents[fact].type, fact]));

/**
 * The ticket after an event of its stream; undefined when the event is in it already.
 * @throws UnreadableEvent for a fact that does not fit the ticket's state: the first in the stream has won.
 */
export function applyEvent(known: Ticket | undefined, event: StoredEvent): Ticket | undefined {
  const { ticketId = '' } = event.tokens;
  const fact = factOf.get(event.type);
  if (!fact) throw new UnreadableEvent(`unknown event type ${event.type}`);
  if (!id.safeParse(ticketId).success) {
    throw new UnreadableEvent(`the subject's ticket id ${ticketId} is not 1 to 64 letters, digits, _ or -`);
  }
  if (known && event.sequence <= known.revision) return undefined;
  const outcome = transition(known?.state, fact);
  if (outcome.to === undefined) throw new UnreadableEvent(outcome.refused);
  // The reader has parsed the payload as the one of this type.
  const change = { fact, data: event.data } as TicketChange;
  return changed(known, change, outcome.to, { ticketId, time: event.time, revision: event.sequence });
}

/**
 * The state that a command leads to.
 * @throws AppError conflict with the reason, or not_found where there is no ticket.
 */
export function requireTransition(known: Ticket | undefined, fact: TicketFact): TicketState {
  const outcome = transition(known?.state, fact);
  if (outcome.to === undefined) throw new AppError(known ? 'conflict' : 'not_found', outcome.refused);
  return outcome.to;
}

interface Moment {
  ticketId: string;
  /** Milliseconds since 1970. */
  time: number;
  /** Stream sequence of the change. */
  revision: number;
}

/** The ticket after a change that the table allows. */
export function changed(known: Ticket | undefined, change: TicketChange, state: TicketState, moment: Moment): Ticket {
  const { ticketId, revision } = moment;
  const updatedAt = new Date(moment.time).toISOString();
  if (change.fact === 'opened') {
    const { userId, message } = change.data;
    const none = { orderId: null, assignee: null, resolution: null };
    return { ticketId, userId, message, state, ...none, openedAt: updatedAt, updatedAt, revision };
  }
  if (!known) throw new Error(`a ticket begins with opened, not with ${change.fact}`);
  const next = { ...known, state, updatedAt, revision };
  switch (change.fact) {
    case 'acknowledged':
      return { ...next, orderId: change.data.orderId };
    case 'assigned':
      return { ...next, assignee: change.data.assignee };
    case 'resolved':
      return { ...next, resolution: change.data.resolution };
    case 'cancelled':
      return next;
    default:
      return change satisfies never;
  }
}
