/** What every process that serves has: log, broker connection, HTTP server, health, and an orderly end. */
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

/** A service that runs. Disposing it finishes what is under way. */
export interface RunningService extends AsyncDisposable {
  name: string;
  /** `http://host:port` */
  url: string;
  /**
   * Resolves when the service is registered on NATS and its view has caught up. Rejects when it cannot be: this code, or
   * what the broker lets its user do, stands against it.
   */
  ready: Promise<void>;
}

/** Starts a service with the configuration. `others`: resolves when those that this process starts beside it are ready. */
export type StartService = (config: Config, others?: Promise<unknown>) => Promise<RunningService>;

/** What a service is built from. Things used on `stack` end after the HTTP server has. */
export interface HostParts {
  config: Config;
  log: Logger;
  connection: Connection;
  telemetry: Telemetry;
  caller: ServiceCaller;
  identity: Identity;
  stack: AsyncDisposableStack;
  /** Aborted when the end begins. */
  stopping: AbortSignal;
}

/** What a service adds to its host. */
export interface Hosted {
  routes: Route[];
  documents: DocumentOptions;
  /** Answers what no route is for. */
  elsewhere?: AppOptions['elsewhere'];
  /** Adds routes that are no operations. */
  more?(app: Hono): void;
  view?: View<unknown>;
  /** Whether the broker stores what the service publishes. */
  writes?: WriteHealth;
  /** What an operator has to decide before it is ready, in a sentence each; without it, what its view says. */
  problems?: () => Promise<string[]>;
  /** More for the details of /readyz. */
  details?: () => Promise<object>;
  /** Registered on the broker; its parts end before anything else does. */
  onBroker: Promise<AsyncDisposable[]>;
  ready: Promise<void>;
}

/** An end in order takes at most so long, whatever hangs: whoever stops a process kills it after 10 seconds. */
const stopMs = 8500;
/** What is left of it for views and the connection, after requests. */
const closeMs = 1500;

/** Starts what a service needs, lets `build` add the rest, and listens. */
export async function startHost(
  given: Config,
  { name, port, asks = [] }: Pick<ServiceContract, 'name' | 'port' | 'asks'>,
  build: (parts: HostParts) => Hosted | Promise<Hosted>,
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
  const { routes, documents, elsewhere, more, view, writes, onBroker, ready: built, ...hosted } = await build(parts);
  const problems = hosted.problems ?? (() => view?.problems ?? []);
  const ready = Promise.race([built, connection.refusals.first]);
  // Whoever does not wait for it must not end with it.
  ready.catch(() => {});
  const state = { begun: false, stopping: false };
  const begin = (): void => {
    state.begun = true;
  };
  built.then(begin, () => {});
  const app = createApp({ ...config, routes, elsewhere, identity, log, telemetry });
  if (config.docs) addDocuments(app, { ...documents, open: identity.open });
  more?.(app);
  const operatorPort = portOf(config, `${name}-operator`);
  const operators = operatorPort === undefined ? app : new Hono();
  addHealth({ ...hosted, app, operators, name, connection, clock, identity, view, writes, problems, state });
  const fetch = guard(app, { ...config, open: identity.open, telemetry });
  let stopBy = Number.POSITIVE_INFINITY;
  const timeLeft = (): number => Math.max(100, stopBy - closeMs - performance.now());
  // Begun last, when the end of everything else is arranged: also that of a service whose port is taken.
  const servers = stack.use(new AsyncDisposableStack());
  const registered: AsyncDisposable[] = [];
  const tried = onBroker.then(
    (all) => registered.push(...all),
    (error: unknown) => {
      if (!state.stopping) log.fatal({ err: error }, 'the service cannot be registered on the broker');
    },
  );
  stack.defer(async () => {
    // Without a connection there may never be anything to wait for.
    await within(tried, connection.connected ? timeLeft() : 0);
    await within(Promise.allSettled(registered.map((part) => part[Symbol.asyncDispose]())), timeLeft());
  });
  // First of all (the stack ends from the top): /readyz says that no more requests should come.
  stack.defer(async () => {
    state.stopping = true;
    stopBy = performance.now() + stopMs;
    // Those that a proxy sends until it has seen that are answered.
    if (config.drainMs > 0) await pause(config.drainMs);
    stopping.abort(new Error('the service is stopping'));
  });
  if (operatorPort !== undefined) {
    const inside = await serve((request) => operators.fetch(request), config.host, operatorPort);
    servers.defer(() => inside.close(0));
  }
  const server = await serve(fetch, config.host, portOf(config, name) ?? port);
  servers.defer(() => server.close(timeLeft()));
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${server.port}`;
  log.info({ url, runtime: runtimeName, access: identity.open ? 'open to everyone' : 'by token' }, 'listening');
  const running = stack.move();
  return { name, url, ready, [Symbol.asyncDispose]: () => within(running.disposeAsync(), stopMs) };
}
