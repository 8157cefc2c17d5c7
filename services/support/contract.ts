/** What others may use of support: operations and events. No input or output happens here. */
import { z } from 'zod';
import {
  cursor,
  event,
  id,
  idempotencyKey,
  limit,
  operation,
  page,
  timestamp,
  userId,
} from '../../shared/operations/operation.ts';
import { ticketStates } from '../tickets/states.ts';

const text = (max: number) => z.string().trim().min(1).max(max);
const message = text(5000).meta({ description: 'What the viewer needs help with' });
const assignee = text(200).meta({ description: 'Agent who works on it' });
const resolution = text(5000).meta({ description: 'How it was resolved' });

const ticketId = id.meta({ id: 'TicketId', description: 'Id of a ticket: 1 to 64 letters, digits, _ or -' });
export const orderId = id.meta({ id: 'OrderId', description: 'Id of a service order, one for each ticket' });

/** Whose ticket it is: for readers that have not seen it opened. */
const viewer = id.optional().meta({ description: 'The viewer who opened the ticket' });

export const ticket = z
  .object({
    ticketId,
    userId: id,
    message,
    state: z.enum(ticketStates),
    orderId: orderId.nullable().meta({ description: 'Its service order; null until technical support has taken it' }),
    assignee: assignee.nullable(),
    resolution: resolution.nullable(),
    openedAt: timestamp,
    updatedAt: timestamp,
    revision: z.int().meta({ description: 'Sequence of the last change; the ETag over HTTP' }),
  })
  .meta({ id: 'Ticket' });
export type Ticket = z.output<typeof ticket>;

const exampleTicket = { userId: '1', ticketId: '0199a2a4-52e1-7c1e-b5f7-3c2a9d1e4f60' };

export const support = {
  open: operation({
    subject: 'support.open',
    method: 'POST',
    path: '/support/:userId',
    access: 'self',
    summary: 'Opens a ticket; technical support takes it on its own',
    input: z.object({ userId, message, idempotencyKey }),
    output: ticket,
    success: 201,
    errors: ['invalid', 'unavailable'],
    headers: { 'idempotency-key': 'idempotencyKey' },
    // The key makes the id of the ticket, which the broker lets be opened once.
    idempotent: ({ idempotencyKey: key }) => key !== undefined,
    example: { userId: '1', message: 'The film stops after ten minutes.' },
  }),
  list: operation({
    subject: 'support.list',
    method: 'GET',
    path: '/support/:userId',
    access: 'self',
    summary: 'Tickets of a viewer, newest first',
    input: z.object({ userId, limit, cursor }),
    output: page(ticket),
    errors: ['invalid'],
    example: { userId: '1' },
  }),
  get: operation({
    subject: 'support.get',
    method: 'GET',
    path: '/support/:userId/:ticketId',
    access: 'self',
    summary: 'One ticket with its state',
    input: z.object({ userId, ticketId }),
    output: ticket,
    errors: ['invalid', 'not_found'],
    example: exampleTicket,
  }),
  cancel: operation({
    subject: 'support.cancel',
    method: 'POST',
    path: '/support/:userId/:ticketId/cancel',
    access: 'self',
    summary: 'Cancels a ticket, and its service order, while it is not resolved',
    input: z.object({ userId, ticketId }),
    output: ticket,
    errors: ['invalid', 'not_found', 'conflict', 'unavailable'],
    example: exampleTicket,
  }),
};

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

/** The service as others see it. */
export const supportApi = {
  name: 'support',
  description: 'Tickets of viewers: opening, following and cancelling them',
  contract: support,
  events: Object.values(ticketEvents),
};
