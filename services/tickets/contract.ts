/** The public types of tickets and their events, which support and technical support share. */
import { z } from 'zod';
import { event } from '../../shared/operations/event.ts';
import { id, requiredText, timestamp, userId, userText, visibleText } from '../../shared/operations/fields.ts';
import { ticketFacts, ticketStates } from './states.ts';

const maxLength = 5000;
const message = requiredText(maxLength).meta({ description: 'What the viewer needs help with' });
const assignee = userText.meta({ description: 'Agent who works on the ticket' });
const resolution = requiredText(maxLength).meta({ description: 'How the ticket was resolved' });
/** The texts as inputs of operations, which are stricter than events. */
export const inputs = {
  message: visibleText(maxLength).meta({ description: 'What the viewer needs help with' }),
  resolution: visibleText(maxLength).meta({ description: 'How the ticket was resolved' }).nullable().default(null),
};

export const ticketId = id.meta({ id: 'TicketId', description: 'Id of a ticket: 1 to 64 letters, digits, _ or -' });
export const orderId = id.meta({ id: 'OrderId', description: 'Id of a service order; each ticket has one' });

/** For readers that have not seen the opening of the ticket. */
const viewer = userText.optional().meta({ description: 'The viewer who opened the ticket' });

export const ticket = z
  .object({
    ticketId,
    userId: userText,
    message,
    state: z.enum(ticketStates),
    orderId: orderId.nullable().meta({ description: 'Id of its service order; null until that is created' }),
    assignee: assignee.nullable(),
    resolution: resolution.nullable(),
    openedAt: timestamp,
    updatedAt: timestamp,
    revision: z.int().meta({ description: 'Stream sequence of the last change, at the site where it was made' }),
    history: z
      .array(z.object({ fact: z.enum(ticketFacts), site: z.string(), at: timestamp }))
      .optional()
      .meta({
        description:
          'Facts that came too late to count, such as a cancellation at a site that did not know of the resolution',
      }),
  })
  .meta({ id: 'Ticket' });
export type Ticket = z.output<typeof ticket>;

const stream = 'SUPPORT';

/** Ticket events by the fact that they state. Technical support publishes all but `opened` and `cancelled`. */
export const ticketEvents = {
  opened: event({
    type: 'marquee.ticket.opened.v1',
    stream,
    subject: 'support.{site}.{ticketId}.opened',
    summary: 'A viewer has opened a ticket',
    payload: z.object({ userId, message }),
    example: { userId: '1', message: 'The film stops after ten minutes.' },
  }),
  acknowledged: event({
    type: 'marquee.ticket.acknowledged.v1',
    stream,
    subject: 'support.{site}.{ticketId}.acknowledged',
    summary: 'Technical support has created a service order for the ticket',
    payload: z.object({ orderId, userId: viewer }),
    example: { orderId: '9f86d081884c7d659a2feaa0c55ad015' },
  }),
  assigned: event({
    type: 'marquee.ticket.assigned.v1',
    stream,
    subject: 'support.{site}.{ticketId}.assigned',
    summary: 'The order was assigned to an agent',
    payload: z.object({ assignee, userId: viewer }),
    example: { assignee: 'robin' },
  }),
  resolved: event({
    type: 'marquee.ticket.resolved.v1',
    stream,
    subject: 'support.{site}.{ticketId}.resolved',
    summary: 'The order was resolved',
    payload: z.object({ resolution: resolution.nullable().default(null), userId: viewer }),
    example: { resolution: 'Replaced the file.' },
  }),
  cancelled: event({
    type: 'marquee.ticket.cancelled.v1',
    stream,
    subject: 'support.{site}.{ticketId}.cancelled',
    summary: 'The viewer has cancelled the ticket',
    payload: z.object({ userId: viewer }),
    example: {},
  }),
};
