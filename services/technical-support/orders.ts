/** Makes a service order of every ticket. */

import { Worker } from '../../shared/broker/worker.ts';
import { AppError } from '../../shared/operations/errors.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { executeChange } from '../tickets/change.ts';
import { decideAcknowledge } from './commands.ts';
import { orderWorker } from './contract.ts';
import type { OrderQueries } from './queries.ts';

/**
 * The worker that takes tickets. However often and wherever a ticket is taken, the broker stores one acknowledgement:
 * it expects that nothing happened to the ticket since this replica looked.
 */
export function takeTickets(context: ServiceContext<OrderQueries>): Worker {
  const { connection, view, commands, config, log } = context;
  return new Worker({
    ...orderWorker,
    connection,
    async handle({ tokens, sequence }, deadline) {
      const ticketId = tokens.ticketId as string;
      if (!(await view.waitFor('SUPPORT', sequence, deadline - Date.now()))) {
        throw new AppError('unavailable', 'The view does not show the ticket yet.');
      }
      // The view may be one of the stream before, which was made again. What went to DEADLETTERS it does not show: then
      // there is no ticket to take.
      const find = () => view.queries.known(ticketId).ticket;
      if (!(await commands.find(find, { stream: 'SUPPORT', deadline }))) return;
      const { ticket, published } = await executeChange(context, ticketId, deadline, decideAcknowledge);
      if (!published) return;
      const { userId, message, orderId } = ticket;
      const personal = config.logPersonal || log.isLevelEnabled('debug') ? { userId, message } : {};
      log.info({ ticketId, orderId, ...personal }, 'a ticket has its service order');
    },
  });
}
