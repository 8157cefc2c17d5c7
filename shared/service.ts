/** A service: its contract, view and handlers wired to HTTP, NATS and SQLite. */
import { join } from 'node:path';
import type { Service as MicroService } from '@nats-io/services';
import { Commands } from './command.ts';
import type { Config } from './config.ts';
import { Connection } from './connection.ts';
import type { Contract } from './contract.ts';
import { addHealth } from './health.ts';
import { createHttp, type Route } from './http.ts';
import { type Identity, openIdentity } from './identity.ts';
import { createLogger, type Logger } from './log.ts';
import { type Endpoint, endpointsOf, type Handlers } from './operations.ts';
import { Publisher } from './publish.ts';
import { startResponder } from './responder.ts';
import { Caller } from './rpc.ts';
import { runtimeName, serve } from './runtime.ts';
import { View, type ViewDefinition } from './view.ts';

/** What the code of a service works with. */
export interface ServiceContext<Q> {
  config: Config;
  log: Logger;
  connection: Connection;
  view: View<Q>;
  commands: Commands;
  caller: Caller;
}

/** Something that runs beside the requests, such as a worker. */
export type Background = AsyncDisposable;

export interface ServiceDefinition<C extends Contract, Q> {
  name: string;
  description: string;
  /** HTTP port; `<NAME>_PORT` overrides it. */
  port: number;
  contract: C;
  view: ViewDefinition<Q>;
  handlers(context: ServiceContext<Q>): Handlers<C>;
  /** Started after the first connection to the broker. */
  background?(context: ServiceContext<Q>): Background[];
}

/** A service that runs. Disposing it finishes what is under way. */
export interface RunningService extends AsyncDisposable {
  name: string;
  /** `http://host:port` */
  url: string;
  /** Resolves when the service is registered on NATS and its view has caught up. */
  ready: Promise<void>;
}

/** Starts a service with the configuration. */
export type StartService = (config: Config) => Promise<RunningService>;

export const version = '0.1.0';
const stopGraceMs = 8000;

/** Makes the function that starts a service. */
export function defineService<C extends Contract, Q>(definition: ServiceDefinition<C, Q>): StartService {
  return (config) => start(definition, config);
}

async function start<C extends Contract, Q>(
  definition: ServiceDefinition<C, Q>,
  config: Config,
): Promise<RunningService> {
  const { name } = definition;
  const log = createLogger(name, config.logLevel);
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(new Connection(config, name, log));
  const folder = config.dataDir === ':memory:' ? null : join(config.dataDir, 'views');
  const view = stack.use(new View({ name, folder, definition: definition.view, connection, log }));
  const commands = new Commands(connection, new Publisher(connection), view as View<unknown>);
  const context: ServiceContext<Q> = { config, log, connection, view, commands, caller: new Caller(connection) };
  const endpoints = endpointsOf(definition.contract, definition.handlers(context), (error) => view.failed(error));
  const identity = openIdentity;

  const routes = endpoints.map(
    (endpoint): Route => ({
      operation: endpoint.operation,
      dispatch: (input, call) => endpoint.run(input, call),
    }),
  );
  const app = createHttp({ routes, identity, timeoutMs: config.requestTimeoutMs, log });
  const state = { stopping: false };
  addHealth(app, { name, connection, view, state });
  const server = await serve(app.fetch, config.host, config.ports[name] ?? definition.port);
  stack.defer(() => server.close(stopGraceMs));
  stack.defer(() => {
    state.stopping = true;
  });

  const onBroker = serveOnBroker({ definition, context, endpoints, identity });
  onBroker.catch((error: unknown) => {
    if (!state.stopping) log.fatal({ err: error }, 'the service cannot be registered on the broker');
  });
  stack.defer(async () => {
    const parts = await Promise.race([onBroker.catch(() => []), connection.connected ? onBroker : []]);
    for (const part of [...parts].reverse()) await part[Symbol.asyncDispose]();
  });
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
  log.info({ url, runtime: runtimeName }, 'listening');
  const running = stack.move();
  return {
    name,
    url,
    ready: Promise.all([onBroker, view.ready]).then(() => {}),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface BrokerPart<C extends Contract, Q> {
  definition: ServiceDefinition<C, Q>;
  context: ServiceContext<Q>;
  endpoints: Endpoint[];
  identity: Identity;
}

/** What needs the broker: the endpoints, once the view can answer, and the background work. */
async function serveOnBroker<C extends Contract, Q>(part: BrokerPart<C, Q>): Promise<AsyncDisposable[]> {
  const { definition, context, endpoints, identity } = part;
  const { nc } = await context.connection.first;
  // A replica that cannot answer yet must not take requests from those that can.
  await context.view.ready;
  const micro = await startResponder({
    nc,
    name: definition.name,
    version,
    description: definition.description,
    endpoints,
    identity,
    log: context.log,
    defaultTimeoutMs: context.config.requestTimeoutMs,
  });
  return [stopping(micro), ...(definition.background?.(context) ?? [])];
}

function stopping(micro: MicroService): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await micro.stop();
    },
  };
}
