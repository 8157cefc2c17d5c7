/** A service: its contract, view and handlers wired to HTTP, NATS and SQLite. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Publisher } from './broker/publisher.ts';
import { Worker, type WorkerOptions } from './broker/worker.ts';
import { Commands } from './commands.ts';
import { type HostParts, type StartService, startHost } from './host.ts';
import { handledAtHub, serveEdges } from './hub.ts';
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

/** What the code of a service works with. */
export interface ServiceContext<Q> extends Pick<HostParts, 'config' | 'log' | 'connection' | 'caller'> {
  view: View<Q>;
  commands: Commands;
  /** The time that is stored, in milliseconds since 1970: the broker's, where this machine's clock is known to differ. */
  now(): number;
}

export interface ServiceDefinition<O extends Operations, Q> extends ServiceContract<O> {
  /** URL of the service's own module: that of its projections is beside it. */
  source: string;
  /** Prepares the queries of its view. */
  queries: ViewDefinition<Q>['open'];
  handlers(context: ServiceContext<Q>): Handlers<O>;
  /** Names of the operations that write at the hub alone. An edge passes them on. */
  atHub?: readonly (keyof O)[];
  /**
   * Where the replicas are not all alike: the group of this one. Its view has a folder of its own, and callers may ask it by
   * the group's name.
   */
  group?(config: Config): string | undefined;
  /** Resolves when it can take what is not for its group. */
  complete?(context: ServiceContext<Q>, stopping: AbortSignal): Promise<unknown>;
  /** What its contract's workers do with an event, by their durable consumers. See Worker for what a throw means. */
  work?(context: ServiceContext<Q>): Record<string, WorkerOptions['handle']>;
  /** Runs beside the requests. Started after the first connection to the broker. */
  background?(context: ServiceContext<Q>): AsyncDisposable[];
}

/** Makes the function that starts a service. */
export function defineService<O extends Operations, Q>(definition: ServiceDefinition<O, Q>): StartService {
  return (config) =>
    startHost(config, definition, async (parts) => {
      const context = contextOf(definition, parts);
      const view = context.view;
      // What was there before can be answered from as soon as it listens, also while the broker is away.
      await view.opened;
      const endpoints = endpointsOf(definition.operations, handlersOf(definition, context), {
        lostView: (error) => view.failed(error),
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

function contextOf<O extends Operations, Q>(definition: ServiceDefinition<O, Q>, parts: HostParts): ServiceContext<Q> {
  const { config, log, connection, telemetry, caller } = parts;
  const { name, source, queries: open } = definition;
  // In the bundle it has another extension.
  const module = new URL(`./projections${source.slice(source.lastIndexOf('.'))}`, source);
  const folder = join(config.dataDir, 'views', definition.group?.(config) ?? '');
  // Each of two processes would take what the other writes for damage, and build the view again.
  const refusal = `Another process runs ${name} with DATA_DIR=${config.dataDir}: end it, or give each a folder of its own.`;
  parts.stack.use(lockFile(join(folder, `${name}.lock`), refusal));
  const view = parts.stack.use(new View({ name, folder, definition: { module, open }, config, log, telemetry }));
  const publisher = parts.stack.use(new Publisher(connection));
  const commands = new Commands(connection, publisher, view);
  return { config, log, connection, view, commands, caller, now };
}

/** Whether another site writes what is written at the hub. */
const isEdge = (config: Config): boolean => catalogueHome(config) !== config.site;

/** The handlers of a service; at an edge those of what is written at the hub pass it on. */
function handlersOf<O extends Operations, Q>(
  { operations, handlers, atHub = [] }: ServiceDefinition<O, Q>,
  context: ServiceContext<Q>,
): Handlers<O> {
  const own = handlers(context);
  if (!isEdge(context.config)) return own;
  const passed = atHub.map((name) => [name, handledAtHub(operations[name] as O[keyof O], context, context.view)]);
  return { ...own, ...Object.fromEntries(passed) };
}

/** What needs the broker: the endpoints, once the view can answer, and the background work. */
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
  const written = atHub.map((name) => operations[name] as O[keyof O]);
  const edges =
    written.length > 0 && config.sites.length > 1 && !isEdge(config) ? [serveEdges(written, name, nc, context)] : [];
  const tasks = work?.(context) ?? {};
  const working = workers.map((one) => {
    const handle = tasks[one.durable];
    if (!handle) throw new Error(`the definition of ${name} has no work for ${one.durable}`);
    return new Worker({ ...one, connection, handle });
  });
  return [registration, ...edges, ...working, ...(background?.(context) ?? [])];
}

const tryAgainMs = 1000;

/**
 * Has a service on the broker whenever its view can answer, until it is stopped: meanwhile other replicas get the requests.
 * `first` resolves when it is there for the first time, and rejects when the view can never answer, or it is stopped before.
 * Disposing it waits for the requests that it has.
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
        log.warn({ reason: messageOf(error) }, 'the service cannot be registered, trying on');
        await pause(tryAgainMs, undefined, { signal: stopping }).catch(() => {});
      }
    }
    throw stopping.reason;
  };
  const ended = run().catch((error: unknown) => first.reject(error));
  return { first: first.promise, [Symbol.asyncDispose]: () => ended };
}
