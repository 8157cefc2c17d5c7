/** Services: `defineService` wires a contract, a view and handlers to HTTP, NATS and SQLite. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Publisher } from './broker/publisher.ts';
import { Worker, type WorkerOptions } from './broker/worker.ts';
import { Commands } from './commands.ts';
import { type HostParts, type StartService, startHost } from './host.ts';
import { forwardToHub, serveEdges } from './hub.ts';
import { endpointsOf, type Handlers, type Runnable } from './operations/endpoint.ts';
import { messageOf } from './operations/errors.ts';
import type { Operations, ServiceContract } from './operations/operation.ts';
import { positionsOf } from './positions.ts';
import { now } from './process/clock.ts';
import type { Config } from './process/config.ts';
import { lockFile } from './process/lock.ts';
import type { Logger } from './process/log.ts';
import { catalogueHome } from './process/sites.ts';
import { startResponder } from './rpc/responder.ts';
import { View } from './views/view.ts';
import type { ViewDefinition } from './views/view-reader.ts';

/** Dependencies of a service's handlers, workers and background tasks. */
export interface ServiceContext<Q> extends Pick<HostParts, 'config' | 'log' | 'connection' | 'caller'> {
  view: View<Q>;
  commands: Commands;
  /** Returns the time to store in events, in milliseconds since 1970 (process/clock.ts). */
  now(): number;
}

export interface ServiceDefinition<O extends Operations, Q> extends ServiceContract<O> {
  /** URL of the service's module. The module of its projections is in the same folder. */
  source: string;
  /** Prepares the queries of the view. */
  queries: ViewDefinition<Q>['open'];
  handlers(context: ServiceContext<Q>): Handlers<O>;
  /** Names of the operations that only the hub may carry out. An edge forwards them to the hub. */
  atHub?: readonly (keyof O)[];
  /**
   * Returns the group of this replica, if replicas differ (ranking's partitions). A group's view has its own folder,
   * and callers can address a group by name.
   */
  group?(config: Config): string | undefined;
  /** Resolves when this replica can also serve requests that are not addressed to its group. */
  complete?(context: ServiceContext<Q>, stopping: AbortSignal): Promise<unknown>;
  /** Returns the handlers of the contract's workers by durable consumer. Worker says what happens when one throws. */
  work?(context: ServiceContext<Q>): Record<string, WorkerOptions['handle']>;
  /** Starts background tasks, after the first connection to the broker. */
  background?(context: ServiceContext<Q>): AsyncDisposable[];
}

/** Returns the function that starts a service. */
export function defineService<O extends Operations, Q>(definition: ServiceDefinition<O, Q>): StartService {
  return (config) =>
    startHost(config, definition, async (parts) => {
      const context = createContext(definition, parts);
      const view = context.view;
      // An existing view file answers queries as soon as the service listens, even without a broker.
      await view.opened;
      const endpoints = endpointsOf(definition.operations, handlersOf(definition, context), {
        handleError: (error) => view.handleQueryError(error),
        positions: positionsOf(view, context.connection.sites, context.commands),
      });
      const onBroker = serveOnBroker(definition, context, endpoints, parts);
      const { name, description } = definition;
      return {
        routes: endpoints,
        documents: { title: `Marquee ${name}`, description, services: [definition] },
        view,
        writes: context.commands.publisher.health,
        onBroker,
        ready: Promise.all([onBroker, view.ready]).then(() => {}),
      };
    });
}

function createContext<O extends Operations, Q>(
  definition: ServiceDefinition<O, Q>,
  parts: HostParts,
): ServiceContext<Q> {
  const { config, log, connection, telemetry, caller } = parts;
  const { name, source, queries: open } = definition;
  // The extension is .js in the bundle.
  const module = new URL(`./projections${source.slice(source.lastIndexOf('.'))}`, source);
  const folder = join(config.dataDir, 'views', definition.group?.(config) ?? '');
  // Two processes on one view file would each take the other's writes for corruption, and rebuild the view.
  const refusal = `Another process runs ${name} with DATA_DIR=${config.dataDir}: end it, or give each a folder of its own.`;
  parts.stack.use(lockFile(join(folder, `${name}.lock`), refusal));
  const view = parts.stack.use(new View({ name, folder, definition: { module, open }, config, log, telemetry }));
  const publisher = parts.stack.use(new Publisher(connection));
  const commands = new Commands(connection, publisher, view);
  return { config, log, connection, view, commands, caller, now };
}

/** Returns whether this site forwards hub operations to another site. */
const isEdge = (config: Config): boolean => catalogueHome(config) !== config.site;

/** Returns the handlers of a service. At an edge, those of hub operations forward to the hub. */
function handlersOf<O extends Operations, Q>(
  { operations, handlers, atHub = [] }: ServiceDefinition<O, Q>,
  context: ServiceContext<Q>,
): Handlers<O> {
  const own = handlers(context);
  if (!isEdge(context.config)) return own;
  const forwarded = atHub.map((name) => [name, forwardToHub(operations[name] as O[keyof O], context, context.view)]);
  return { ...own, ...Object.fromEntries(forwarded) };
}

/** Starts what needs the broker: the NATS endpoints once the view can answer, then workers and background tasks. */
async function serveOnBroker<O extends Operations, Q>(
  definition: ServiceDefinition<O, Q>,
  context: ServiceContext<Q>,
  endpoints: Runnable[],
  { identity, stopping, telemetry }: HostParts,
): Promise<AsyncDisposable[]> {
  const { name, description, operations, background, group, complete, work, workers = [], atHub = [] } = definition;
  const { view, log, config, connection } = context;
  const { nc } = await connection.first;
  const parts = { nc, name, description, endpoints, identity, log, telemetry };
  const register = (): Promise<AsyncDisposable> =>
    startResponder({
      ...config,
      ...parts,
      group: group?.(config),
      complete: complete?.(context, stopping),
      state: () => ({ problems: view.problems, caughtUp: view.caughtUp, streams: view.status() }),
    });
  const registration = keepRegistered(view, register, log, stopping);
  await registration.first;
  const hubOperations = atHub.map((name) => operations[name] as O[keyof O]);
  const hasEdges = hubOperations.length > 0 && config.sites.length > 1 && !isEdge(config);
  const edges = hasEdges ? [serveEdges(hubOperations, name, nc, context)] : [];
  const workHandlers = work?.(context) ?? {};
  const runningWorkers = workers.map((worker) => {
    const handle = workHandlers[worker.durable];
    if (!handle) throw new Error(`the definition of ${name} has no work handler for the consumer ${worker.durable}`);
    return new Worker({ ...worker, connection, handle });
  });
  return [registration, ...edges, ...runningWorkers, ...(background?.(context) ?? [])];
}

const retryMs = 1000;

/**
 * Keeps a service registered on the broker while its view can answer, until `stopping` is aborted. While it cannot,
 * other replicas get the requests. Disposing waits for the requests in flight. `first` resolves at the first
 * registration, and rejects if the view can never answer or the service is stopped before.
 */
function keepRegistered(
  view: View<unknown>,
  register: () => Promise<AsyncDisposable>,
  log: Logger,
  stopping: AbortSignal,
): AsyncDisposable & { first: Promise<void> } {
  const first = Promise.withResolvers<void>();
  const stopped = once(stopping, 'abort');
  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      const { ready } = view;
      ready.catch(first.reject);
      try {
        await Promise.race([ready, stopped]);
        if (stopping.aborted) break;
        await using _registered = await register();
        first.resolve();
        await Promise.race([view.lost, stopped]);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'the service could not be registered on the broker, retrying');
        await pause(retryMs, undefined, { signal: stopping }).catch(() => {});
      }
    }
    throw stopping.reason;
  };
  const ended = run().catch((error: unknown) => first.reject(error));
  return { first: first.promise, [Symbol.asyncDispose]: () => ended };
}
