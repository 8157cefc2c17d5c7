/** The connection to the broker: always trying, and always able to say whether it is there. */
import { readFileSync } from 'node:fs';
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
  /** The outcome of a request, or ConnectionLost as soon as no reply can come any more. */
  unlessLost<T>(request: Promise<T>): Promise<T>;
}

/** The connection was lost while a reply was waited for. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** The broker's address: what is configured, or the local one. */
export function brokerUrl(nats: Config['nats']): string {
  return nats.url ?? `nats://127.0.0.1:${nats.port}`;
}

function options({ nats }: Config, name: string, isRefused: () => boolean): ConnectionOptions {
  const { tlsCa: ca } = nats;
  return {
    servers: brokerUrl(nats).split(','),
    name,
    inboxPrefix: `_INBOX.${name}`,
    noAsyncTraces: true,
    maxReconnectAttempts: -1,
    // Refused for the second time ever, the client would close the connection for good.
    ignoreAuthErrorAbort: true,
    // What is refused fills the broker's log.
    reconnectDelayHandler: () => (isRefused() ? longestWaitMs : 200 + Math.random() * 100),
    // The client's own wait cannot be ended: #connect tries again, and stops when it is closed.
    waitOnFirstConnect: false,
    // A broker that hangs without closing the socket is noticed within seconds.
    pingInterval: 3000,
    maxPingOut: 2,
    timeout: 5000,
    ...(nats.user ? { user: nats.user, pass: nats.password ?? '' } : {}),
    ...(nats.nkeySeed ? { authenticator: nkeyAuthenticator(new TextEncoder().encode(nats.nkeySeed)) } : {}),
    ...(ca ? { tls: { ca: ca.startsWith('-----BEGIN') ? ca : readFileSync(ca, 'utf8') } } : {}),
  };
}

/** Between tries to reach a broker that was not there yet, or refuses the user. */
const firstWaitMs = 100;
const longestWaitMs = 2000;

/**
 * A connection that is made in the background and made again when it is lost. Work that needs the broker now asks
 * for `link`, which throws `unavailable` at once while there is none: nothing waits in a buffer to be sent later.
 */
export class Connection implements AsyncDisposable {
  /** The first connection. Rejects only when the connection is closed before it was ever made. */
  readonly first: Promise<Link>;
  readonly name: string;
  /** The site whose broker it is, and the others. */
  readonly sites: Sites;
  /** What those who use the connection report to. */
  readonly telemetry: Telemetry;
  readonly log: Logger;
  readonly refusals: ReturnType<typeof refusalsOf>;
  reconnects = 0;
  #link: Link | undefined;
  #up = false;
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
    return this.#up;
  }

  /** @throws AppError unavailable while there is no connection. */
  get link(): Link {
    if (!this.#up || !this.#link) throw new AppError('unavailable', 'The message broker cannot be reached.');
    return this.#link;
  }

  /** The first connection, for who does not want to wait for ever. @throws Error when there is none so soon. */
  async within(timeoutMs = this.#config.requestTimeoutMs): Promise<Link> {
    await within(Promise.race([this.first, this.refusals.first]), timeoutMs);
    if (!this.#link)
      throw new Error(`no broker answers at ${brokerUrl(this.#config.nats)}: is Marquee running? (npm start)`);
    return this.#link;
  }

  /** Calls back when the connection is there, is lost, and is there again. Returns the function that stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const wasUp = this.#up;
    this.#up = false;
    if (!this.#link) return;
    const { nc } = this.#link;
    // Replies that were just given must still get out; a broker that hangs is not waited for.
    if (wasUp) await within(nc.flush(), 1000).catch(() => {});
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
    this.#changed(true);
    void this.#watch(nc);
    return this.#link;
  }

  #unlessLost<T>(request: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const stop = this.onChange(() => reject(new ConnectionLost('the connection to the broker was lost')));
    request.then(resolve, reject).finally(stop);
    return promise;
  }

  #changed(up: boolean): void {
    this.#up = up;
    for (const listener of this.#listeners) listener();
  }

  /** The client gives up on some first failures (a broker that closes the socket while it starts): try on. */
  async #connect(): Promise<NatsConnection> {
    const isRefused = (): boolean => this.refusals.all.some((what) => what.startsWith('connect'));
    let sayAt = 0;
    for (let failures = 0; ; failures++) {
      try {
        const nc = await connect(options(this.#config, this.name, isRefused));
        this.refusals.forget();
        return nc;
      } catch (error) {
        if (this.#closed) throw error;
        if (!this.refusals.take(error) && failures === sayAt) {
          this.log.warn({ reason: messageOf(error) }, 'the broker cannot be reached, trying on');
          // Said after 0 seconds, 15, a minute and a half, 5 minutes, …
          sayAt = 4 * sayAt + 10;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.min(firstWaitMs * 2 ** failures, longestWaitMs)));
      }
    }
  }

  async #watch(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        this.#changed(false);
        if (!this.#closed) this.log.warn('the connection to the broker is lost');
      } else if (status.type === 'reconnect') {
        this.reconnects++;
        this.refusals.forget();
        this.log.info('the connection to the broker is back');
        this.#changed(true);
      } else if (status.type === 'error' && !this.refusals.take(status.error)) {
        this.log.error({ err: status.error }, 'the broker reports an error');
      }
    }
    this.#changed(false);
  }
}
