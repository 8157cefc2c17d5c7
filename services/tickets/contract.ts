/** What support and technical support have in common for others: tickets and what happens to them. */
import { z } from 'zod';
import { event } from '../../shared/operations/event.ts';
import { id, requiredText, timestamp, userId, userText, visibleText } from '../../shared/operations/fields.ts';
import { ticketFacts, ticketStates } from './states.ts';

const longest = 5000;
const message = requiredText(longest).meta({ description: 'What the viewer needs help with' });
const assignee = userText.meta({ description: 'Agent who works on it' });
const resolution = requiredText(longest).meta({ description: 'How it was resolved' });
/** Both as they are given. */
export const given = {
  message: visibleText(longest).meta({ description: 'What the viewer needs help with' }),
  resolution: visibleText(longest).meta({ description: 'How it was resolved' }).nullable().default(null),
};

export const ticketId = id.meta({ id: 'TicketId', description: 'Id of a ticket: 1 to 64 letters, digits, _ or -' });
export const orderId = id.meta({ id: 'OrderId', description: 'Id of a service order, one for each ticket' });

/** Whose ticket it is: for readers that have not seen it opened. */
const viewer = userText.optional().meta({ description: 'The viewer who opened the ticket' });

export const ticket = z
  .object({
    ticketId,
    userId: userText,
    message,
    state: z.enum(ticketStates),
    orderId: orderId.nullable().meta({ description: 'Its service order; null until technical support has taken it' }),
    assignee: assignee.nullable(),
    resolution: resolution.nullable(),
    openedAt: timestamp,
    updatedAt: timestamp,
    revision: z.int().meta({ description: 'Sequence of the last change, at the site where it was made' }),
    history: z
      .array(z.object({ fact: z.enum(ticketFacts), site: z.string(), at: timestamp }))
      .optional()
      .meta({
        description: 'What came too late to count, such as a cancellation at a site that did not know of a solution',
      }),
  })
  .meta({ id: 'Ticket' });
export type Ticket = z.output<typeof ticket>;

const stream = 'SUPPORT';

/** Events of tickets by the fact that they state. Technical support publishes all but the first and the last. */
export const ticketEvents = {
  opened: event({
    type: 'marquee.ticket.opened.v1',
    stream,
    subject: 'support.{site}.{ticketId}.opened',
    summary: 'A viewer asks for help',
    payload: z.object({ userId, message }),
    example: { userId: '1', message: 'The film stops after ten minutes.' },
  }),
  acknowledged: event({
    type: 'marquee.ticket.acknowledged.v1',
    stream,
    subject: 'support.{site}.{ticketId}.acknowledged',
    summary: 'Technical support has taken the ticket and made a service order of it',
    payload: z.object({ orderId, userId: viewer }),
    example: { orderId: '9f86d081884c7d659a2feaa0c55ad015' },
  }),
  assigned: event({
    type: 'marquee.ticket.assigned.v1',
    stream,
    subject: 'support.{site}.{ticketId}.assigned',
    summary: 'An agent works on the order from now on',
    payload: z.object({ assignee, userId: viewer }),
    example: { assignee: 'robin' },
  }),
  resolved: event({
    type: 'marquee.ticket.resolved.v1',
    stream,
    subject: 'support.{site}.{ticketId}.resolved',
    summary: 'The order is done',
    payload: z.object({ resolution: resolution.nullable().default(null), userId: viewer }),
    example: { resolution: 'Replaced the file.' },
  }),
  cancelled: event({
    type: 'marquee.ticket.cancelled.v1',
    stream,
    subject: 'support.{site}.{ticketId}.cancelled',
    summary: 'The viewer needs no help any more',
    payload: z.object({ userId: viewer }),
    example: {},
  }),
};
