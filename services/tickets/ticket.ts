/** Derives tickets from their events. Pure; support and technical-support share this code for reading and deciding. */
import type { z } from 'zod';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { AppError, invalid } from '../../shared/operations/errors.ts';
import { id } from '../../shared/operations/fields.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { type TicketFact, type TicketState, ticketFacts, transition } from './states.ts';

type Payloads = { [F in TicketFact]: z.output<(typeof ticketEvents)[F]['payload']> };

/** A fact about a ticket with its payload. */
export type TicketChange = { [F in TicketFact]: { fact: F; data: Payloads[F] } }[TicketFact];

/** A fact as stored, with the site of its stream (`home`) and its sequence there. */
export type StoredFact = TicketChange & { home: string; sequence: number; site: string; time: number };

/** The facts about a ticket, and the ticket that follows from them. There is no ticket until it is opened. */
export interface KnownTicket {
  facts: StoredFact[];
  ticket: Ticket | undefined;
}

const factOf = new Map<string, TicketFact>(ticketFacts.map((fact) => [ticketEvents[fact].type, fact]));

/**
 * Adds the fact of an event to a ticket's facts.
 * @throws AppError invalid if the subject has no valid ticket id
 */
export function withEvent(facts: StoredFact[], event: StoredEvent): StoredFact[] {
  const { ticketId = '' } = event.tokens;
  const fact = factOf.get(event.type);
  if (!fact) throw new Error(`unknown event type ${event.type}`);
  if (!id.safeParse(ticketId).success) {
    throw invalid({ field: 'ticketId', message: `${ticketId} in the subject is not 1 to 64 letters, digits, _ or -` });
  }
  const { site, sequence, time, home = site } = event;
  // The event reader has validated the payload for this type.
  return [...facts, { fact, data: event.data, home, sequence, site, time } as StoredFact];
}

/**
 * Derives a ticket from its facts, in whatever order they arrived. Returns undefined until the ticket is opened. The
 * first fact that closes the ticket wins; facts that are no longer allowed go to its history.
 */
export function ticketOf(ticketId: string, facts: StoredFact[]): Ticket | undefined {
  const ordered = inOrder(facts);
  const opened = ordered.find(({ fact }) => fact === 'opened');
  if (!opened) return undefined;
  let ticket: Ticket | undefined;
  const history: Ticket['history'] = [];
  for (const fact of [opened, ...ordered.filter((other) => other !== opened)]) {
    const { to } = transition(ticket?.state, fact.fact);
    if (to === undefined) history.push({ fact: fact.fact, site: fact.site, at: new Date(fact.time).toISOString() });
    else ticket = withFact(ticket, fact, to, ticketId);
  }
  return ticket && history.length > 0 ? { ...ticket, history } : ticket;
}

/** Sorts by time, home and sequence. Facts of one home stay in sequence order even if its clock ran backwards. */
function inOrder(facts: StoredFact[]): StoredFact[] {
  const latest = new Map<string, number>();
  const placed = [...facts]
    .sort((a, b) => a.sequence - b.sequence)
    .map((fact) => {
      const time = Math.max(fact.time, latest.get(fact.home) ?? 0);
      latest.set(fact.home, time);
      return { fact, time };
    });
  placed.sort((a, b) => a.time - b.time || (a.fact.home < b.fact.home ? -1 : a.fact.home > b.fact.home ? 1 : 0));
  return placed.map(({ fact }) => fact);
}

/**
 * Returns the state that a command leads to.
 * @throws AppError conflict with the reason, or not_found without a ticket
 */
export function requireTransition(known: Ticket | undefined, fact: TicketFact): TicketState {
  const outcome = transition(known?.state, fact);
  if (outcome.to === undefined) throw new AppError(known ? 'conflict' : 'not_found', outcome.refused);
  return outcome.to;
}

/** Applies an allowed fact to a ticket. */
function withFact(known: Ticket | undefined, change: StoredFact, state: TicketState, ticketId: string): Ticket {
  const { sequence: revision } = change;
  const updatedAt = new Date(change.time).toISOString();
  if (change.fact === 'opened') {
    const { userId, message } = change.data;
    const empty = { orderId: null, assignee: null, resolution: null };
    return { ticketId, userId, message, state, ...empty, openedAt: updatedAt, updatedAt, revision };
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
