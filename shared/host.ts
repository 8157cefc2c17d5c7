/** The host of a service: log, broker connection, HTTP server, health routes and graceful shutdown. */
import { setTimeout as pause } from 'node:timers/promises';
import { Hono } from 'hono';
import { BrokerClock } from './broker/broker-clock.ts';
import { Connection } from './broker/connection.ts';
import type { WriteHealth } from './broker/write-health.ts';
import { addDocuments } from './docs/documents.ts';
import type { DocumentOptions } from './docs/openapi.ts';
import { addHealth } from './health.ts';
import { type AppOptions, createApp, type Route } from './http/app.ts';
import { guard } from './http/browser-guard.ts';
import { runtimeName, serve } from './http/server.ts';
import { startTelemetry, type Telemetry } from './observe/telemetry.ts';
import type { Identity } from './operations/access.ts';
import { createIdentity } from './operations/identity.ts';
import type { ServiceContract } from './operations/operation.ts';
import { type Config, portOf } from './process/config.ts';
import { createLogger, type Logger } from './process/log.ts';
import { within } from './process/within.ts';
import { ServiceCaller } from './rpc/caller.ts';
import type { View } from './views/view.ts';

/** A running service. Disposing it finishes the requests in flight. */
export interface RunningService extends AsyncDisposable {
  name: string;
  /** `http://host:port` */
  url: string;
  /**
   * Resolves when the service is registered on NATS and its view has caught up. Rejects if that can never happen,
   * because of an error in the code or missing broker permissions.
   */
  ready: Promise<void>;
}

/** Starts a service. @param others resolves when the other services that this process starts are ready */
export type StartService = (config: Config, others?: Promise<unknown>) => Promise<RunningService>;

/** Parts that the host provides to a service. Resources on `stack` are disposed after the HTTP server has closed. */
export interface HostParts {
  config: Config;
  log: Logger;
  connection: Connection;
  telemetry: Telemetry;
  caller: ServiceCaller;
  identity: Identity;
  stack: AsyncDisposableStack;
  /** Aborted when shutdown begins, after the drain time. */
  stopping: AbortSignal;
}

/** Parts that a service provides to its host. */
interface ServiceParts {
  routes: Route[];
  documents: DocumentOptions;
  /** Answers requests that match no route. */
  fallback?: AppOptions['fallback'];
  /** Adds routes that are not operations. */
  addRoutes?(app: Hono): void;
  view?: View<unknown>;
  /** Whether the broker stores what the service publishes. */
  writes?: WriteHealth;
  /** Returns problems that an operator has to solve, a sentence each. Defaults to those of the view. */
  problems?: () => Promise<string[]>;
  /** Returns more details for /readyz. */
  details?: () => Promise<object>;
  /** Resolves when the service is registered on the broker. These parts are disposed before anything else. */
  onBroker: Promise<AsyncDisposable[]>;
  ready: Promise<void>;
}

/** Time limit for the whole shutdown, below the 10 seconds after which process managers send SIGKILL. */
const stopMs = 8500;
/** Part of stopMs that is left for closing views and the connection, after the requests. */
const closeMs = 1500;

/** Creates the host's parts, lets `build` create those of the service, and listens. */
export async function startHost(
  given: Config,
  { name, port, asks = [] }: Pick<ServiceContract, 'name' | 'port' | 'asks'>,
  build: (parts: HostParts) => ServiceParts | Promise<ServiceParts>,
): Promise<RunningService> {
  const { nats } = given;
  const config = { ...given, nats: { ...nats, nkeySeed: nats.nkeySeed ?? nats.nkeySeeds[name] } };
  const log = createLogger(name, config.logLevel, config.logFile);
  await using stack = new AsyncDisposableStack();
  const telemetry = stack.use(await startTelemetry(name, config, log));
  const connection = stack.use(new Connection(config, name, log, telemetry));
  const clock = stack.use(new BrokerClock(connection));
  const identity = createIdentity(config, log);
  const stopping = new AbortController();
  const caller = new ServiceCaller(connection, asks);
  const parts = { config, log, connection, telemetry, caller, identity, stack, stopping: stopping.signal };
  const service = await build(parts);
  const { routes, documents, fallback, view, problems = () => view?.problems ?? [] } = service;
  const ready = Promise.race([service.ready, connection.refusals.first]);
  // Without a handler the rejection would end a process that does not wait for `ready`.
  ready.catch(() => {});
  const state = { started: false, stopping: false };
  const markStarted = (): void => {
    state.started = true;
  };
  service.ready.then(markStarted, () => {});
  const app = createApp({ ...config, routes, fallback, identity, log, telemetry });
  if (config.docs) addDocuments(app, { ...documents, open: identity.open });
  service.addRoutes?.(app);
  const operatorPort = portOf(config, `${name}-operator`);
  const operators = operatorPort === undefined ? app : new Hono();
  addHealth({ ...service, app, operators, name, connection, clock, identity, problems, state });
  const fetch = guard(app, { ...config, open: identity.open, telemetry });
  let stopBy = Number.POSITIVE_INFINITY;
  const timeLeft = (): number => Math.max(100, stopBy - closeMs - performance.now());
  // Servers are started last. If a port is taken, everything before is disposed.
  const servers = stack.use(new AsyncDisposableStack());
  const registered: AsyncDisposable[] = [];
  const registration = service.onBroker.then(
    (parts) => registered.push(...parts),
    (error: unknown) => {
      if (!state.stopping) log.fatal({ err: error }, 'the service could not be registered on the broker');
    },
  );
  stack.defer(async () => {
    // Without a connection the registration may never finish.
    await within(registration, connection.connected ? timeLeft() : 0);
    await within(Promise.allSettled(registered.map((part) => part[Symbol.asyncDispose]())), timeLeft());
  });
  // Runs first, because the stack is disposed from the top: /readyz now tells proxies to send no more requests.
  stack.defer(async () => {
    state.stopping = true;
    stopBy = performance.now() + stopMs;
    // Requests that a proxy sends before it notices are still answered.
    if (config.drainMs > 0) await pause(config.drainMs);
    stopping.abort(new Error('the service is stopping'));
  });
  if (operatorPort !== undefined) {
    const operatorServer = await serve((request) => operators.fetch(request), config.host, operatorPort);
    servers.defer(() => operatorServer.close(0));
  }
  const server = await serve(fetch, config.host, portOf(config, name) ?? port);
  servers.defer(() => server.close(timeLeft()));
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
  log.info({ url, runtime: runtimeName, access: identity.open ? 'open to everyone' : 'by token' }, 'listening');
  const running = stack.move();
  return { name, url, ready, [Symbol.asyncDispose]: () => within(running.disposeAsync(), stopMs) };
}
