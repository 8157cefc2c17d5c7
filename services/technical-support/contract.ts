/** The public interface of technical support: its operations. For its events, see tickets/contract.ts. */
import { z } from 'zod';
import { page, paging, userId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { inputs, orderId, ticket, ticketEvents } from '../tickets/contract.ts';
import { orderStates } from '../tickets/states.ts';

/** A service order: a ticket that technical support has taken. */
export const order = ticket.extend({ orderId, state: z.enum(orderStates) }).meta({ id: 'Order' });
export type Order = z.output<typeof order>;

const exampleOrder = '9f86d081884c7d659a2feaa0c55ad015';

export const technicalSupport = {
  list: operation({
    subject: 'technical-support.list',
    method: 'GET',
    path: '/orders',
    access: 'agent',
    summary: 'Lists service orders, newest first',
    input: z.object({ state: z.enum(orderStates).optional(), userId: userId.optional(), ...paging }),
    output: page(order),
    example: { state: 'acknowledged' },
  }),
  get: operation({
    subject: 'technical-support.get',
    method: 'GET',
    path: '/orders/:orderId',
    access: 'agent',
    summary: 'Returns a service order',
    input: z.object({ orderId }),
    output: order,
    errors: ['not_found'],
    example: { orderId: exampleOrder },
  }),
  assign: operation({
    subject: 'technical-support.assign',
    method: 'POST',
    path: '/orders/:orderId/assign',
    access: 'agent',
    summary: 'Assigns an order to an agent, or reassigns it',
    input: z.object({ orderId, assignee: ticketEvents.assigned.payload.shape.assignee }),
    output: order,
    errors: ['not_found', 'conflict'],
    example: { orderId: exampleOrder, assignee: 'robin' },
  }),
  resolve: operation({
    subject: 'technical-support.resolve',
    method: 'POST',
    path: '/orders/:orderId/resolve',
    access: 'agent',
    summary: 'Resolves an order and its ticket',
    input: z.object({ orderId, resolution: inputs.resolution }),
    output: order,
    errors: ['not_found', 'conflict'],
    example: { orderId: exampleOrder, resolution: 'Replaced the file.' },
  }),
};

/** The durable consumer that all replicas share, so that one of them creates the order of each ticket. */
export const orderWorker = { durable: 'technical-support-orders', event: ticketEvents.opened };

/** Describes the service to the gateway, the API documents, the broker's permissions and other services. */
export const technicalSupportContract = {
  name: 'technical-support',
  description: 'Service orders, one for each ticket, which agents assign and resolve',
  port: 8085,
  operations: technicalSupport,
  events: [],
  publishes: [ticketEvents.acknowledged, ticketEvents.assigned, ticketEvents.resolved],
  workers: [orderWorker],
} satisfies ServiceContract;
