/** The support service: viewers open tickets and follow them. */
import { type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { etagOf, executeChange } from '../tickets/change.ts';
import { decideCancel, decideOpen, newTicketId } from './commands.ts';
import { type support, supportContract } from './contract.ts';
import { type SupportQueries, supportQueries } from './queries.ts';

export const startSupport = defineService({
  ...supportContract,
  source: import.meta.url,
  queries: supportQueries,
  handlers,
});

function handlers(context: ServiceContext<SupportQueries>): Handlers<typeof support> {
  const { view, commands, config } = context;
  return {
    async open({ userId, message, idempotencyKey }, { deadline }) {
      const ticketId = newTicketId(userId, idempotencyKey);
      const { ticket, visible } = await executeChange(context, ticketId, deadline, (known) =>
        decideOpen(known, userId, message),
      );
      const location = `/support/${encodeURIComponent(userId)}/${ticketId}`;
      return respond(ticket, { location, revision: etagOf(ticket, config), visible });
    },
    list: ({ userId, ...page }) => new JsonResponse(view.queries.list(userId, page)),
    get({ userId, ticketId }) {
      const { ticket } = view.queries.known(ticketId);
      if (ticket?.userId !== userId) throw new AppError('not_found', 'There is no such ticket.');
      return respond(ticket, { revision: etagOf(ticket, config) });
    },
    async cancel({ userId, ticketId }, { deadline }) {
      await commands.find(() => view.queries.known(ticketId).ticket, { stream: 'SUPPORT', deadline });
      const { ticket, visible } = await executeChange(context, ticketId, deadline, (known) =>
        decideCancel(known, userId),
      );
      return respond(ticket, { revision: etagOf(ticket, config), visible });
    },
  };
}
