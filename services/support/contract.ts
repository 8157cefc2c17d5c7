/** What others may use of support: its operations. Its events are those of tickets (tickets/contract.ts). */
import { z } from 'zod';
import { idempotencyKey, page, paging, userId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { given, ticket, ticketEvents, ticketId } from '../tickets/contract.ts';

const exampleTicket = { userId: '1', ticketId: '0199a2a4-52e1-7c1e-b5f7-3c2a9d1e4f60' };

export const support = {
  open: operation({
    subject: 'support.open',
    method: 'POST',
    path: '/support/:userId',
    access: 'self',
    summary: 'Opens a ticket; technical support takes it on its own',
    input: z.object({ userId, message: given.message, idempotencyKey }),
    output: ticket,
    success: 201,
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
    input: z.object({ userId, ...paging }),
    output: page(ticket),
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
    errors: ['not_found'],
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
    errors: ['not_found', 'conflict'],
    example: exampleTicket,
  }),
};

/** The service as others see it. */
export const supportContract = {
  name: 'support',
  description: 'Tickets of viewers: opening, following and cancelling them',
  port: 8084,
  operations: support,
  events: Object.values(ticketEvents),
  publishes: [ticketEvents.opened, ticketEvents.cancelled],
} satisfies ServiceContract;
