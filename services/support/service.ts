/** The support service: viewers open tickets and follow them. */

import { type Call, type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, moduleBeside, type ServiceContext } from '../../shared/service.ts';
import { etagOf, executeChange } from '../tickets/change.ts';
import type { Ticket } from '../tickets/contract.ts';
import type { TicketChange } from '../tickets/ticket.ts';
import { decideCancel, decideOpen, newTicketId } from './commands.ts';
import { type support, supportContract } from './contract.ts';
import { type SupportQueries, supportQueries } from './queries.ts';

export const startSupport = defineService({
  ...supportContract,
  view: {
    module: moduleBeside(import.meta.url, 'projections'),
    open: supportQueries,
  },
  handlers,
});

function handlers({ view, commands, config }: ServiceContext<SupportQueries>): Handlers<typeof support> {
  const execute = (
    ticketId: string,
    { deadline, traceparent }: Call,
    decide: (known: Ticket | undefined) => TicketChange | null,
  ) =>
    executeChange(
      { commands, find: () => view.queries.known(ticketId), ticketId },
      { origin: { site: config.site, source: 'support', traceparent }, deadline },
      decide,
    );

  return {
    async open({ userId, message, idempotencyKey }, call) {
      const ticketId = newTicketId(userId, idempotencyKey);
      const { ticket, visible } = await execute(ticketId, call, (known) => decideOpen(known, userId, message));
      const location = `/support/${encodeURIComponent(userId)}/${ticketId}`;
      return respond(ticket, { location, revision: etagOf(ticket, config), visible });
    },
    list: ({ userId, limit, cursor }) => new JsonResponse(view.queries.list(userId, limit, cursor)),
    get({ userId, ticketId }) {
      const ticket = view.queries.get(ticketId);
      if (ticket?.userId !== userId) throw new AppError('not_found', 'There is no such ticket.');
      return respond(ticket, { revision: etagOf(ticket, config) });
    },
    async cancel({ userId, ticketId }, call) {
      await commands.find(() => view.queries.get(ticketId), { stream: 'SUPPORT', deadline: call.deadline });
      const { ticket, visible } = await execute(ticketId, call, (known) => decideCancel(known, userId));
      return respond(ticket, { revision: etagOf(ticket, config), visible });
    },
  };
}
