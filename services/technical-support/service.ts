/** The technical-support service: creates a service order for every ticket, which agents then work on. */
import { type Call, type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { etagOf, executeChange } from '../tickets/change.ts';
import type { Ticket } from '../tickets/contract.ts';
import type { TicketChange } from '../tickets/ticket.ts';
import { decideAssign, decideResolve } from './commands.ts';
import { orderWorker, type technicalSupport, technicalSupportContract } from './contract.ts';
import { createOrders } from './orders.ts';
import { type OrderQueries, orderQueries } from './queries.ts';

export const startTechnicalSupport = defineService({
  ...technicalSupportContract,
  source: import.meta.url,
  queries: orderQueries,
  handlers,
  work: (context) => ({ [orderWorker.durable]: createOrders(context) }),
});

const noOrder = (): AppError => new AppError('not_found', 'There is no such order.');

function handlers(context: ServiceContext<OrderQueries>): Handlers<typeof technicalSupport> {
  const { view, commands, config } = context;
  const change = async (
    orderId: string,
    { deadline }: Call,
    decide: (known: Ticket | undefined) => TicketChange | null,
  ): Promise<JsonResponse> => {
    const order = await commands.find(() => view.queries.order(orderId), { stream: 'SUPPORT', deadline });
    if (!order) throw noOrder();
    const { ticket, visible } = await executeChange(context, order.ticketId, deadline, decide);
    return respond(ticket, { revision: etagOf(ticket, config), visible });
  };

  return {
    list: (input) => new JsonResponse(view.queries.list(input)),
    get({ orderId }) {
      const order = view.queries.order(orderId);
      if (!order) throw noOrder();
      return respond(order, { revision: etagOf(order, config) });
    },
    assign: ({ orderId, assignee }, call) => change(orderId, call, (known) => decideAssign(known, assignee)),
    resolve: ({ orderId, resolution }, call) => change(orderId, call, (known) => decideResolve(known, resolution)),
  };
}
