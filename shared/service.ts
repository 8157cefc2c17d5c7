/** A service: its contract, view and handlers wired to HTTP, NATS and SQLite. */
import { join } from 'node:path';
import type { Connection } from './broker/connection.ts';
import { Publisher } from './broker/publisher.ts';
import { Commands } from './commands.ts';
import { addDocuments } from './docs/documents.ts';
import { type HostParts, type RunningService, type StartService, startHost } from './host.ts';
import { createApp, type Route } from './http/app.ts';
import { type Endpoint, endpointsOf, type Handlers } from './operations/endpoint.ts';
import type { Operations, ServiceContract } from './operations/operation.ts';
import { ViewPositions } from './positions.ts';
import type { Config } from './process/config.ts';
import type { Logger } from './process/log.ts';
import { version } from './process/version.ts';
import { Registration } from './registration.ts';
import type { ServiceCaller } from './rpc/caller.ts';
import { startResponder } from './rpc/responder.ts';
import { View } from './views/view.ts';
import type { ViewDefinition } from './views/view-reader.ts';

export type { RunningService, StartService } from './host.ts';

/** What the code of a service works with. */
export interface ServiceContext<Q> {
  config: Config;
  log: Logger;
  connection: Connection;
  view: View<Q>;
  commands: Commands;
  caller: ServiceCaller;
}

/** Something that runs beside the requests, such as a worker. */
export type Background = AsyncDisposable;

export interface ServiceDefinition<O extends Operations, Q> extends Omit<ServiceContract<O>, 'events'> {
  events?: ServiceContract['events'];
  view: ViewDefinition<Q>;
  handlers(context: ServiceContext<Q>): Handlers<O>;
  /** Started after the first connection to the broker. */
  background?(context: ServiceContext<Q>): Background[];
}

/** The module of a name beside the one that asks, whose URL it is: as a source, and in the bundle. */
export function moduleBeside(url: string, name: string): URL {
  return new URL(`./${name}${url.slice(url.lastIndexOf('.'))}`, url);
}

/** Makes the function that starts a service. */
export function defineService<O extends Operations, Q>(definition: ServiceDefinition<O, Q>): StartService {
  return (config): Promise<RunningService> =>
    startHost(config, definition, async (parts) => {
      const context = contextOf(definition, parts);
      const { view } = context;
      // What was there before can be answered from as soon as it listens, also while the broker is away.
      await view.opened;
      const handlers = definition.handlers(context);
      const endpoints = endpointsOf(definition.operations, handlers, {
        lostView: (error) => view.failed(error),
        positions: new ViewPositions(context.connection, view as View<unknown>),
      });
      const onBroker = serveOnBroker(definition, context, endpoints, parts);
      const app = createApp({
        routes: endpoints.map(routeOf),
        identity: parts.identity,
        timeoutMs: config.requestTimeoutMs,
        log: parts.log,
        telemetry: parts.telemetry,
        maxInFlight: config.maxInFlight,
      });
      const { name, description, operations, events = [] } = definition;
      addDocuments(app, {
        title: `Marquee ${name}`,
        version,
        description,
        services: [{ name, description, operations, events }],
        open: parts.identity.open,
      });
      return {
        app,
        view: view as View<unknown>,
        writes: context.commands.publisher.health,
        onBroker,
        ready: Promise.all([onBroker, view.ready]).then(() => {}),
      };
    });
}

function contextOf<O extends Operations, Q>(definition: ServiceDefinition<O, Q>, parts: HostParts): ServiceContext<Q> {
  const { config, log, connection, telemetry, caller } = parts;
  const folder = join(config.dataDir, 'views');
  const { name, view: own } = definition;
  const view = parts.stack.use(new View({ name, folder, definition: own, config, log, telemetry }));
  const publisher = parts.stack.use(new Publisher(connection));
  const commands = new Commands(connection, publisher, view as View<unknown>);
  return { config, log, connection, view, commands, caller };
}

function routeOf(endpoint: Endpoint): Route {
  return { operation: endpoint.operation, dispatch: (input, call) => endpoint.run(input, call) };
}

/** What needs the broker: the endpoints, once the view can answer, and the background work. */
async function serveOnBroker<O extends Operations, Q>(
  definition: ServiceDefinition<O, Q>,
  context: ServiceContext<Q>,
  endpoints: Endpoint[],
  { identity, stopping }: HostParts,
): Promise<AsyncDisposable[]> {
  const { nc } = await context.connection.first;
  const { view, log, config } = context;
  const { name, description } = definition;
  const register = (): Promise<AsyncDisposable> =>
    startResponder({
      nc,
      name,
      version,
      description,
      endpoints,
      identity,
      log,
      defaultTimeoutMs: config.requestTimeoutMs,
      maxInFlight: config.maxInFlight,
      telemetry: context.connection.telemetry,
    });
  const registration = new Registration(view as View<unknown>, register, log);
  stopping.addEventListener('abort', () => void registration[Symbol.asyncDispose](), { once: true });
  await orAborted(registration.first, stopping);
  return [registration, ...(definition.background?.(context) ?? [])];
}

/** Waits for a promise that may never settle. @throws the signal's reason when that comes first. */
function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  return Promise.race([promise, aborted]);
}
