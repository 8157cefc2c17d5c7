/** The connection to the broker: reconnects without limit, and knows at any time whether it is connected. */
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { ConnectionOptions, NatsConnection } from '@nats-io/nats-core';
import { nkeyAuthenticator } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { Telemetry } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import type { Config } from '../process/config.ts';
import type { Logger } from '../process/log.ts';
import type { Sites } from '../process/sites.ts';
import { within } from '../process/within.ts';
import { refusalsOf } from './refusals.ts';

export interface Link {
  nc: NatsConnection;
  js: JetStreamClient;
  jsm: JetStreamManager;
  /** Settles as the request does, or rejects with ConnectionLost when the connection is lost before that. */
  unlessLost<T>(request: Promise<T>): Promise<T>;
}

/** The connection was lost while a request waited for its reply. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Returns the configured address of the broker, or that of the local one. */
export function brokerUrl(nats: Config['nats']): string {
  return nats.url ?? `nats://127.0.0.1:${nats.port}`;
}

/** Returns the address for messages: without the user and password that it may contain. */
function shownUrl(nats: Config['nats']): string {
  return brokerUrl(nats).replaceAll(/[^/,]*@/g, '');
}

function options({ nats }: Config, name: string, isRefused: () => boolean): ConnectionOptions {
  return {
    servers: brokerUrl(nats).split(','),
    name,
    inboxPrefix: `_INBOX.${name}`,
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    // By default the client closes the connection for good after the second authorization error.
    ignoreAuthErrorAbort: true,
    // Slower after a refusal, because each attempt is logged by the broker.
    reconnectDelayHandler: () => (isRefused() ? longestWaitMs : 200 + Math.random() * 100),
    // The client's own retries cannot be cancelled. #connect retries until the connection is closed.
    waitOnFirstConnect: false,
    // Detects within seconds a broker that hangs without closing the socket.
    pingInterval: 3000,
    maxPingOut: 2,
    timeout: 5000,
    ...(nats.user ? { user: nats.user, pass: nats.password ?? '' } : {}),
    ...(nats.nkeySeed ? { authenticator: nkeyAuthenticator(new TextEncoder().encode(nats.nkeySeed)) } : {}),
    // For the client `tls://` alone would not require TLS.
    ...(nats.tlsCa || brokerUrl(nats).includes('tls://') ? { tls: nats.tlsCa ? { ca: nats.tlsCa } : {} } : {}),
  };
}

/** Delays between attempts to connect to a broker that has not been reached yet, or refuses the user. */
const firstWaitMs = 100;
const longestWaitMs = 2000;

/**
 * A connection that is opened in the background, and reopened when it is lost. Use `link` to send something: it throws
 * `unavailable` at once while there is no connection, so that nothing waits in a buffer to be sent later.
 */
export class Connection implements AsyncDisposable {
  /** Resolves with the first connection. Rejects only if this is closed before. */
  readonly first: Promise<Link>;
  readonly name: string;
  /** The site of the broker, and all other sites. */
  readonly sites: Sites;
  /** Metrics and traces of everything that uses the connection. */
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly refusals: ReturnType<typeof refusalsOf>;
  reconnects = 0;
  #link: Link | undefined;
  #connected = false;
  #closed = false;
  readonly #config: Config;
  readonly #listeners = new Set<() => void>();

  constructor(config: Config, name: string, log: Logger, telemetry: Telemetry = new Telemetry(name)) {
    this.name = name;
    this.sites = config;
    this.telemetry = telemetry;
    this.log = log;
    this.#config = config;
    this.refusals = refusalsOf(name, log);
    this.first = this.#open();
    this.first.catch(() => {});
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** @throws AppError unavailable while there is no connection */
  get link(): Link {
    if (!this.#connected || !this.#link) throw new AppError('unavailable', 'The message broker cannot be reached.');
    return this.#link;
  }

  /** Waits for the first connection. @throws Error when the timeout passes before, or the broker refuses the user */
  async within(timeoutMs = this.#config.requestTimeoutMs): Promise<Link> {
    await within(Promise.race([this.first, this.refusals.first]), timeoutMs);
    if (!this.#link)
      throw new Error(`no broker answers at ${shownUrl(this.#config.nats)}: is Marquee running? (npm start)`);
    return this.#link;
  }

  /** Calls `listener` whenever the connection is made or lost. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const wasConnected = this.#connected;
    this.#connected = false;
    if (!this.#link) return;
    const { nc } = this.#link;
    // Sends the last replies. The timeout is for a broker that hangs.
    if (wasConnected) await within(nc.flush(), 1000).catch(() => {});
    await nc.close();
  }

  async #open(): Promise<Link> {
    const nc = await this.#connect();
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    if (this.#closed) {
      await nc.close();
      throw new Error('closed before the broker was reached');
    }
    this.#link = { nc, js: jetstream(nc), jsm, unlessLost: (request) => this.#unlessLost(request) };
    this.#setConnected(true);
    void this.#watch(nc);
    return this.#link;
  }

  #unlessLost<T>(request: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = this.onChange(() => reject(new ConnectionLost('the connection to the broker was lost')));
    request.then(resolve, reject).finally(stop);
    return promise;
  }

  #setConnected(connected: boolean): void {
    this.#connected = connected;
    for (const listener of this.#listeners) listener();
  }

  /** Retries until connected: the client gives up on some first failures (a starting broker closes the socket). */
  async #connect(): Promise<NatsConnection> {
    const isRefused = (): boolean => this.refusals.all.some((action) => action.startsWith('connect'));
    let nextLogAt = 0;
    for (let failures = 0; ; failures++) {
      try {
        const nc = await connect(options(this.#config, this.name, isRefused));
        this.refusals.clear();
        if (failures > 0) this.log.warn('the broker was reached');
        return nc;
      } catch (error) {
        if (this.#closed) throw error;
        if (!this.refusals.record(error) && failures === nextLogAt) {
          const servers = shownUrl(this.#config.nats);
          this.log.warn({ servers, reason: messageOf(error) }, 'the broker cannot be reached, retrying');
          // Logged after 0 seconds, 15, a minute and a half, 5 minutes, …
          nextLogAt = 4 * nextLogAt + 10;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(firstWaitMs * 2 ** failures, longestWaitMs)));
      }
    }
  }

  async #watch(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        this.#setConnected(false);
        if (!this.#closed) this.log.warn('the connection to the broker was lost');
      } else if (status.type === 'reconnect') {
        this.reconnects++;
        this.refusals.clear();
        this.log.warn('the connection to the broker was restored');
        this.#setConnected(true);
      } else if (status.type === 'error' && !this.refusals.record(status.error)) {
        this.log.error({ err: status.error }, 'the broker reported an error');
      }
    }
    this.#setConnected(false);
  }
}
