/**
 * The state machine of tickets as a table: for each state and fact, the next state or the reason for a refusal. It also
 * applies to service orders, because an order is the agents' view of a ticket.
 */

export const ticketStates = ['open', 'acknowledged', 'assigned', 'resolved', 'cancelled'] as const;
export type TicketState = (typeof ticketStates)[number];

/** The states of a service order. A ticket that was cancelled while open has no order. */
export const orderStates = ['acknowledged', 'assigned', 'resolved', 'cancelled'] as const;

/** The facts about a ticket. Each is also the last token of its event's subject. */
export const ticketFacts = ['opened', 'acknowledged', 'assigned', 'resolved', 'cancelled'] as const;
export type TicketFact = (typeof ticketFacts)[number];

/** The next state, or the reason for a refusal. */
export type Transition = { to: TicketState; refused?: never } | { to?: never; refused: string };

const to = (state: TicketState): Transition => ({ to: state });
const refuse = (reason: string): Transition => ({ refused: reason });

const unknown = refuse('There is no such ticket.');
const opened = refuse('The ticket is already open.');
const noOrder = refuse('The ticket has no service order yet.');
const ordered = refuse('The ticket already has a service order.');
const resolved = refuse('The ticket is already resolved.');
const cancelled = refuse('The ticket is already cancelled.');

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
    assigned: noOrder,
    resolved: noOrder,
    cancelled: to('cancelled'),
  },
  acknowledged: {
    opened,
    acknowledged: ordered,
    assigned: to('assigned'),
    resolved: to('resolved'),
    cancelled: to('cancelled'),
  },
  // An assigned order can be reassigned to another agent.
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

/** Looks up the transition for a fact. @param state undefined if there is no ticket yet */
export function transition(state: TicketState | undefined, fact: TicketFact): Transition {
  return table[state ?? 'none'][fact];
}
