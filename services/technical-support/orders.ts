/** Creates a service order for every ticket. */
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { executeChange } from '../tickets/change.ts';
import { decideAcknowledge } from './commands.ts';
import type { OrderQueries } from './queries.ts';

/**
 * Returns the handler of the order worker. The broker stores one order per ticket, even if several replicas handle the
 * same ticket: the message expects that the ticket has not changed since the replica read it.
 */
export function createOrders(context: ServiceContext<OrderQueries>) {
  const { view, commands, config, log } = context;
  return async ({ tokens }: StoredEvent, deadline: number): Promise<void> => {
    const ticketId = tokens.ticketId as string;
    // If the event was dead-lettered, the view has no ticket.
    const find = () => view.queries.known(ticketId).ticket;
    if (!(await commands.find(find, { stream: 'SUPPORT', deadline }))) return;
    const { ticket, published } = await executeChange(context, ticketId, deadline, decideAcknowledge);
    if (!published) return;
    const { userId, message, orderId } = ticket;
    const personal = config.logPersonal || log.isLevelEnabled('debug') ? { userId, message } : {};
    log.info({ ticketId, orderId, ...personal }, 'service order created for ticket');
  };
}
