/** The gateway: every public operation of every service behind one address. */

import type { Hono } from 'hono';
import { type StartService, startHost } from '../../shared/host.ts';
import type { Route } from '../../shared/http/app.ts';
import { endpointsOf, type Handlers } from '../../shared/operations/endpoint.ts';
import type { ServiceContract } from '../../shared/operations/operation.ts';
import { decodePosition } from '../../shared/operations/position.ts';
import { within } from '../../shared/process/within.ts';
import { problemsOf } from '../../shared/rpc/statistics.ts';
import { createPages } from '../web/pages.ts';
import { askFor } from './ask.ts';
import { Breakers, type Send } from './breakers.ts';
import { gateway, gatewayContract } from './contract.ts';
import { documentsFor } from './documents.ts';
import { EventTickets } from './event-tickets.ts';
import { WriteLimits } from './limits.ts';
import { addLiveEvents } from './live-http.ts';
import { LiveHub } from './live-hub.ts';
import { addGatewayMetrics } from './metrics.ts';
import { moviePageOf } from './pages.ts';
import { SiteWatch } from './site-watch.ts';

/** So long, in milliseconds, it waits for services that start beside it: one that cannot be ready takes nothing else away. */
const longestForOthers = 10_000;

/** What is left for the way back to the client when a service takes all of its time, in milliseconds. */
const marginMs = 100;

/** Makes the function that starts the gateway of some services. It has no database: what it needs to know it asks for. */
export function gatewayOf(services: readonly ServiceContract[]): StartService {
  // It does not forward to itself.
  const backing = services.filter(({ overNats = true }) => overNats);
  return (config, others) =>
    startHost(config, gatewayContract, ({ log, connection, telemetry, caller, identity, stack }) => {
      const breakers = new Breakers(log);
      const send: Send = (operation, input, options) =>
        breakers.run(operation.service, () => caller.send(operation, input, options));
      const limits = config.writesPerMinute > 0 ? new WriteLimits(config.writesPerMinute) : undefined;
      const routes = backing
        .flatMap(({ operations }) => Object.values(operations))
        .map((operation): Route => {
          const admit = limits && operation.kind === 'command' ? limits.admit : undefined;
          // The service checks who calls and what is asked once more: whoever may not costs it nothing.
          const run: Route['run'] = (input, call) =>
            send(operation, input, { call, timeoutMs: call.deadline - Date.now() - marginMs });
          return { operation, admit, run };
        });
      const tickets = new EventTickets(config);
      const handlers: Handlers<typeof gateway> = {
        moviePage: ({ movieId }, call) => moviePageOf(movieId, call, send),
        eventTicket(_, { caller, position }) {
          // Nothing is read for it, but what is no position is refused everywhere.
          if (position !== undefined) decodePosition(position);
          return tickets.give(caller);
        },
      };
      routes.push(...endpointsOf(gateway, handlers, { lostView: () => false }));
      let api: Hono | undefined;
      const names = backing.map(({ name }) => name);
      const pages = createPages({
        ask: askFor(send, limits),
        // Asked only by requests, which come when all of it is there.
        api: (request) => (api as Hono).fetch(request),
        connection,
        stack,
        services: names,
        identity,
        config,
        telemetry,
        log,
      });
      const hub = stack.use(new LiveHub({ connection, caller, log }));
      addGatewayMetrics(telemetry.metrics.registry, breakers, hub);
      const watch = new SiteWatch(connection, telemetry.metrics.registry);
      const onBroker = connection.first.then(() => []);
      return {
        routes,
        documents: documentsFor(services, identity.open),
        elsewhere: pages.fetch,
        more(app) {
          api = app;
          addLiveEvents(app, { hub, identity, tickets });
        },
        problems: async () => {
          if (!connection.connected) return [];
          return (await Promise.all([problemsOf(connection.link.nc, names), watch.problems()])).flat();
        },
        details: () => watch.details(),
        onBroker,
        // A proxy that sent requests before would have them refused.
        ready: onBroker.then(async () => {
          if (others) await within(others, longestForOthers);
        }),
      };
    });
}
