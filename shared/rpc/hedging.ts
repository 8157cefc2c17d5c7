/** What a caller knows of the replicas of one service: who is there, who hangs, and who can be asked instead. */
import type { Connection } from '../broker/connection.ts';
import type { NoReply } from '../broker/reply-inbox.ts';
import { pingSubject } from './wire-format.ts';

interface Replica {
  /** When it last responded to anything, by performance.now(). */
  respondedAt: number;
  /** When the newest of the requests was sent that it has responded to. */
  askedAt: number;
}

/** A replica that does not answer a ping within this time hangs. */
const pingLateMs = 200;
const pingMs = 1000;
/** Batches are repeated this seldom where no replica hangs: what is late then is mostly only slow. */
const slowHedgeEveryMs = 50;
/** By then nobody waits any more for what was to be sent again. */
const forgetMs = 60_000;

/**
 * The broker shares requests out among all replicas that are connected, also to one that hangs, until it notices. A
 * request that is slow makes us ping those replicas that have not responded since; until they do, or are gone, requests
 * are sent to one of the others.
 */
export class Replicas {
  readonly #service: string;
  readonly #connection: Connection;
  readonly #known = new Map<string, Replica>();
  readonly #hanging = new Set<string>();
  readonly #pinged = new Set<string>();
  /** Called with the first replica that answers a ping. */
  #waiting: { since: number; hedge: (replica: string) => void }[] = [];
  #nextSlowHedgeAt = 0;
  /** When a replica was last found to hang or to be gone. */
  #lostAt = Number.NEGATIVE_INFINITY;

  constructor(service: string, connection: Connection) {
    this.#service = service;
    this.#connection = connection;
  }

  /** The replica to send to; undefined for any: while none hangs, and while all do. */
  get target(): string | undefined {
    return this.#hanging.size === 0 ? undefined : this.#oneOf((_, id) => !this.#hanging.has(id));
  }

  /** A replica has responded to what was sent at `askedAt`. */
  responded(id: string, askedAt: number): void {
    const respondedAt = performance.now();
    const replica = this.#known.get(id);
    this.#known.set(id, { respondedAt, askedAt: Math.max(askedAt, replica?.askedAt ?? 0) });
    this.#hanging.delete(id);
  }

  /** Whether any replica has responded to anything since then. */
  respondedSince(time: number): boolean {
    return [...this.#known.values()].some(({ respondedAt }) => respondedAt >= time);
  }

  /** What was sent to it met nobody. */
  gone(id: string): void {
    this.#lostAt = performance.now();
    this.#known.delete(id);
    this.#hanging.delete(id);
  }

  /**
   * Something sent at `sentAt` is slow. `hedge` is called, now or in a moment or never, with the replica to send it to
   * again. Where replicas have more to do than they can they still respond, one by one: then nothing is sent again.
   */
  slow(sentAt: number, hedge?: (replica: string | undefined) => void): void {
    const quiet = [...this.#known].filter(([, { respondedAt }]) => respondedAt < sentAt).map(([id]) => id);
    for (const id of quiet) this.#check(id);
    if (!hedge) return;
    const awake = this.#oneOf(({ respondedAt }) => respondedAt >= sentAt);
    if (this.#known.size === 0) hedge(undefined);
    else if (awake === undefined) this.#wait(hedge);
    else if (quiet.length > 0 || this.#lostAt > sentAt) hedge(awake);
    else this.#hedgeSlow(sentAt, hedge);
  }

  /** All known replicas respond: it is slow, or with one that has never responded. */
  #hedgeSlow(sentAt: number, hedge: (replica: string) => void): void {
    const ahead = this.#oneOf(({ askedAt }) => askedAt > sentAt);
    const now = performance.now();
    if (ahead === undefined || now < this.#nextSlowHedgeAt) return;
    this.#nextSlowHedgeAt = now + slowHedgeEveryMs;
    hedge(ahead);
  }

  #wait(hedge: (replica: string) => void): void {
    const since = performance.now();
    this.#waiting = this.#waiting.filter((other) => since - other.since < forgetMs);
    this.#waiting.push({ since, hedge });
  }

  /** Pings a replica, again and again until it is clear whether it is there. */
  #check(id: string): void {
    if (this.#pinged.has(id)) return;
    this.#pinged.add(id);
    const pingedAt = performance.now();
    const isQuiet = (): boolean => (this.#known.get(id)?.respondedAt ?? pingedAt) < pingedAt;
    const late = (): void => {
      if (!isQuiet()) return;
      this.#lostAt = performance.now();
      this.#hanging.add(id);
    };
    const ended = (failure: NoReply | null): false => {
      this.#pinged.delete(id);
      if (failure === null) {
        this.responded(id, pingedAt);
        for (const { hedge } of this.#waiting.splice(0)) hedge(id);
      } else if (failure !== 'timeout') this.gone(id);
      else if (isQuiet()) this.#check(id);
      return false;
    };
    try {
      const { nc, replies } = this.#connection.link;
      const reply = replies.expect(pingMs, ended, { afterMs: pingLateMs, call: late });
      nc.publish(pingSubject(this.#service, id), '', { reply });
    } catch {
      ended('disconnected');
    }
  }

  #oneOf(fits: (replica: Replica, id: string) => boolean): string | undefined {
    const ids = [...this.#known].filter(([id, replica]) => fits(replica, id)).map(([id]) => id);
    return ids[Math.floor(Math.random() * ids.length)];
  }
}
