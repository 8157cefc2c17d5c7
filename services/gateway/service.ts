/** The gateway: every HTTP operation of every service at one address. */
import type { Hono } from 'hono';
import { type StartService, startHost } from '../../shared/host.ts';
import type { Route } from '../../shared/http/app.ts';
import { endpointsOf, type Handlers } from '../../shared/operations/endpoint.ts';
import type { ServiceContract } from '../../shared/operations/operation.ts';
import { decodePosition } from '../../shared/operations/position.ts';
import { within } from '../../shared/process/within.ts';
import { problemsOf } from '../../shared/rpc/statistics.ts';
import { createPages } from '../web/pages.ts';
import { createAsk } from './ask.ts';
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

/** Longest wait for services starting in the same process. One that never becomes ready must not block the gateway. */
const maxStartupWaitMs = 10_000;

/** Part of the request's time that is not given to the service, so that a late answer can still reach the client. */
const marginMs = 100;

/** Returns the function that starts a gateway for the given services. The gateway has no database of its own. */
export function gatewayOf(services: readonly ServiceContract[]): StartService {
  // The gateway does not forward to itself.
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
          // Caller and input are checked here and again by the service, so that a refused request never reaches it.
          const run: Route['run'] = (input, call) =>
            send(operation, input, { call, timeoutMs: call.deadline - Date.now() - marginMs });
          return { operation, admit, run };
        });
      const tickets = new EventTickets(config);
      const handlers: Handlers<typeof gateway> = {
        moviePage: ({ movieId }, call) => moviePageOf(movieId, call, send),
        eventTicket(_, { caller, position }) {
          // Every operation refuses an invalid position, even one that reads nothing.
          if (position !== undefined) decodePosition(position);
          return tickets.issue(caller);
        },
      };
      routes.push(...endpointsOf(gateway, handlers, { handleError: () => false }));
      let api: Hono | undefined;
      const names = backing.map(({ name }) => name);
      const pages = createPages({
        ask: createAsk(send, limits),
        // Set by `addRoutes` before the first request arrives.
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
        fallback: pages.fetch,
        addRoutes(app) {
          api = app;
          addLiveEvents(app, { hub, identity, tickets });
        },
        problems: async () => {
          if (!connection.connected) return [];
          return (await Promise.all([problemsOf(connection.link.nc, names), watch.problems()])).flat();
        },
        details: () => watch.details(),
        onBroker,
        // Once the gateway is ready, proxies send it requests, which fail unless the services are ready, too.
        ready: onBroker.then(async () => {
          if (others) await within(others, maxStartupWaitMs);
        }),
      };
    });
}
