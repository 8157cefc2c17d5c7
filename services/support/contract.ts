/** The public interface of support: its operations. Its events are the ticket events (tickets/contract.ts). */
import { z } from 'zod';
import { idempotencyKey, page, paging, userId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { inputs, ticket, ticketEvents, ticketId } from '../tickets/contract.ts';

const exampleTicket = { userId: '1', ticketId: '0199a2a4-52e1-7c1e-b5f7-3c2a9d1e4f60' };

export const support = {
  open: operation({
    subject: 'support.open',
    method: 'POST',
    path: '/support/:userId',
    access: 'self',
    summary: 'Opens a ticket; technical support then creates a service order for it',
    input: z.object({ userId, message: inputs.message, idempotencyKey }),
    output: ticket,
    success: 201,
    headers: { 'idempotency-key': 'idempotencyKey' },
    // The ticket id is derived from the key, and the broker stores only one opening per ticket.
    idempotent: ({ idempotencyKey: key }) => key !== undefined,
    example: { userId: '1', message: 'The film stops after ten minutes.' },
  }),
  list: operation({
    subject: 'support.list',
    method: 'GET',
    path: '/support/:userId',
    access: 'self',
    summary: 'Lists the tickets of a viewer, newest first',
    input: z.object({ userId, ...paging }),
    output: page(ticket),
    example: { userId: '1' },
  }),
  get: operation({
    subject: 'support.get',
    method: 'GET',
    path: '/support/:userId/:ticketId',
    access: 'self',
    summary: 'Returns a ticket with its state',
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
    summary: 'Cancels a ticket and its service order, unless it is resolved',
    input: z.object({ userId, ticketId }),
    output: ticket,
    errors: ['not_found', 'conflict'],
    example: exampleTicket,
  }),
};

/** Describes the service to the gateway, the API documents, the broker's permissions and other services. */
export const supportContract = {
  name: 'support',
  description: 'Tickets of viewers: opening, following and cancelling them',
  port: 8084,
  operations: support,
  events: Object.values(ticketEvents),
  publishes: [ticketEvents.opened, ticketEvents.cancelled],
} satisfies ServiceContract;
