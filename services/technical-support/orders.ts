/** Makes a service order of every ticket. */

import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { executeChange } from '../tickets/change.ts';
import { decideAcknowledge } from './commands.ts';
import type { OrderQueries } from './queries.ts';

/**
 * What the worker does that takes tickets. However often and wherever a ticket is taken, the broker stores one acknowledgement:
 * it expects that nothing happened to the ticket since this replica looked.
 */
export function orderTaker(context: ServiceContext<OrderQueries>) {
  const { view, commands, config, log } = context;
  return async ({ tokens }: StoredEvent, deadline: number): Promise<void> => {
    const ticketId = tokens.ticketId as string;
    // What went to DEADLETTERS no view shows: then there is no ticket to take.
    const find = () => view.queries.known(ticketId).ticket;
    if (!(await commands.find(find, { stream: 'SUPPORT', deadline }))) return;
    const { ticket, published } = await executeChange(context, ticketId, deadline, decideAcknowledge);
    if (!published) return;
    const { userId, message, orderId } = ticket;
    const personal = config.logPersonal || log.isLevelEnabled('debug') ? { userId, message } : {};
    log.info({ ticketId, orderId, ...personal }, 'a ticket has its service order');
  };
}
