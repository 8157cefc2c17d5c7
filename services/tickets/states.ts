/**
 * The life of a ticket as a table: what each fact makes of each state, or why it cannot be. Service orders follow the
 * same table, because an order is the ticket seen by the agents.
 */

export const ticketStates = ['open', 'acknowledged', 'assigned', 'resolved', 'cancelled'] as const;
export type TicketState = (typeof ticketStates)[number];

/** States of a ticket that has, or had, an order; a ticket cancelled before that has none. */
export const orderStates = ['acknowledged', 'assigned', 'resolved', 'cancelled'] as const;

/** What can happen to a ticket; also the last token of the events' subjects. */
export const ticketFacts = ['opened', 'acknowledged', 'assigned', 'resolved', 'cancelled'] as const;
export type TicketFact = (typeof ticketFacts)[number];

/** The state that follows, or the reason why there is none. */
export type Transition = { to: TicketState; refused?: never } | { to?: never; refused: string };

const to = (state: TicketState): Transition => ({ to: state });
const no = (reason: string): Transition => ({ refused: reason });

const unknown = no('There is no such ticket.');
const opened = no('The ticket is open already.');
const waiting = no('The ticket has no service order yet.');
const ordered = no('The ticket has a service order already.');
const resolved = no('The ticket is resolved already.');
const cancelled = no('The ticket is cancelled already.');

/** `none` is the state of a ticket before its first fact. */
const table: Record<TicketState | 'none', Record<TicketFact, Transition>> = {
  none: {
    opened: to('open'),
    acknowledged: unknown,
    assigned: unknown,
    resolved: unknown,
    cancelled: unknown,
  },
  open: {
    opened,
    acknowledged: to('acknowledged'),
    assigned: waiting,
    resolved: waiting,
    cancelled: to('cancelled'),
  },
  acknowledged: {
    opened,
    acknowledged: ordered,
    assigned: to('assigned'),
    resolved: to('resolved'),
    cancelled: to('cancelled'),
  },
  // Agents hand orders over: an assigned order can be assigned to another.
  assigned: {
    opened,
    acknowledged: ordered,
    assigned: to('assigned'),
    resolved: to('resolved'),
    cancelled: to('cancelled'),
  },
  resolved: { opened: resolved, acknowledged: resolved, assigned: resolved, resolved, cancelled: resolved },
  cancelled: { opened: cancelled, acknowledged: cancelled, assigned: cancelled, resolved: cancelled, cancelled },
};

/** What a fact makes of a ticket in a state (undefined: there is no ticket yet). */
export function transition(state: TicketState | undefined, fact: TicketFact): Transition {
  return table[state ?? 'none'][fact];
}
