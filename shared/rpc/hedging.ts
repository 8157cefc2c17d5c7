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
export function replicasOf(service: string, connection: Connection) {
  const known = new Map<string, Replica>();
  const hanging = new Set<string>();
  const pinged = new Set<string>();
  /** Called with the first replica that answers a ping. */
  let waiting: { since: number; hedge: (replica: string) => void }[] = [];
  let nextSlowHedgeAt = 0;
  /** When a replica was last found to hang or to be gone. */
  let lostAt = Number.NEGATIVE_INFINITY;

  const oneOf = (fits: (replica: Replica, id: string) => boolean): string | undefined => {
    const ids = [...known].filter(([id, replica]) => fits(replica, id)).map(([id]) => id);
    return ids[Math.floor(Math.random() * ids.length)];
  };

  /** A replica has responded to what was sent at `askedAt`. */
  const responded = (id: string, askedAt: number): void => {
    known.set(id, { respondedAt: performance.now(), askedAt: Math.max(askedAt, known.get(id)?.askedAt ?? 0) });
    hanging.delete(id);
  };

  /** What was sent to it met nobody. */
  const gone = (id: string): void => {
    lostAt = performance.now();
    known.delete(id);
    hanging.delete(id);
  };

  /** Pings a replica, again and again until it is clear whether it is there. */
  const check = (id: string): void => {
    if (pinged.has(id)) return;
    pinged.add(id);
    const pingedAt = performance.now();
    const isQuiet = (): boolean => (known.get(id)?.respondedAt ?? pingedAt) < pingedAt;
    const late = (): void => {
      if (!isQuiet()) return;
      lostAt = performance.now();
      hanging.add(id);
    };
    const ended = (failure: NoReply | null): false => {
      pinged.delete(id);
      if (failure === null) {
        responded(id, pingedAt);
        for (const { hedge } of waiting.splice(0)) hedge(id);
      } else if (failure !== 'timeout') gone(id);
      else if (isQuiet()) check(id);
      return false;
    };
    try {
      const { nc, replies } = connection.link;
      const reply = replies.expect(pingMs, ended, { afterMs: pingLateMs, call: late });
      nc.publish(pingSubject(service, id), '', { reply });
    } catch {
      ended('disconnected');
    }
  };

  /** All known replicas respond: it is slow, or with one that has never responded. */
  const hedgeSlow = (sentAt: number, hedge: (replica: string) => void): void => {
    const ahead = oneOf(({ askedAt }) => askedAt > sentAt);
    const now = performance.now();
    if (ahead === undefined || now < nextSlowHedgeAt) return;
    nextSlowHedgeAt = now + slowHedgeEveryMs;
    hedge(ahead);
  };

  const wait = (hedge: (replica: string) => void): void => {
    const since = performance.now();
    waiting = waiting.filter((other) => since - other.since < forgetMs);
    waiting.push({ since, hedge });
  };

  return {
    responded,
    gone,

    /** The replica to send to; undefined for any: while none hangs, and while all do. */
    get target() {
      return hanging.size === 0 ? undefined : oneOf((_, id) => !hanging.has(id));
    },

    /** Whether any replica has responded to anything since then. */
    respondedSince: (time: number): boolean => [...known.values()].some(({ respondedAt }) => respondedAt >= time),

    /**
     * Something sent at `sentAt` is slow. `hedge` is called, now or in a moment or never, with the replica to send it to
     * again. Where replicas have more to do than they can they still respond, one by one: then nothing is sent again.
     */
    slow(sentAt: number, hedge?: (replica: string | undefined) => void): void {
      const quiet = [...known].filter(([, { respondedAt }]) => respondedAt < sentAt).map(([id]) => id);
      for (const id of quiet) check(id);
      if (!hedge) return;
      const awake = oneOf(({ respondedAt }) => respondedAt >= sentAt);
      if (known.size === 0) hedge(undefined);
      else if (awake === undefined) wait(hedge);
      else if (quiet.length > 0 || lostAt > sentAt) hedge(awake);
      else hedgeSlow(sentAt, hedge);
    },
  };
}
