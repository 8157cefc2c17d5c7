/** What a caller knows of the replicas of one service: who is there, who hangs, and who can be asked instead. */
import type { Connection } from '../broker/connection.ts';
import type { NoReply, ReplyInbox } from './reply-inbox.ts';
import { pingSubject } from './wire-format.ts';

interface Replica {
  /** When it last responded to anything, by performance.now(). */
  respondedAt: number;
  /** When the newest of what it has responded to was sent. */
  askedAt: number;
}

/** A replica that does not answer a ping within this time hangs. */
const pingLateMs = 200;
const pingMs = 1000;
/** Batches are repeated this seldom where no replica hangs: what is late then is mostly only slow. */
const slowHedgeEveryMs = 50;

/**
 * The broker shares requests out among all replicas that are connected, also to one that hangs, until it notices. A
 * request that is slow makes us ping those replicas that have not responded since; until they do, or are gone, requests
 * are sent to one of the others.
 */
export function replicasOf(service: string, connection: Connection, replies: ReplyInbox) {
  const known = new Map<string, Replica>();
  const hanging = new Set<string>();
  const pinged = new Set<string>();
  let nextSlowHedgeAt = 0;

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
    known.delete(id);
    hanging.delete(id);
  };

  /** Pings a replica, again and again until it is clear whether it is there. */
  const check = (id: string): void => {
    if (pinged.has(id)) return;
    pinged.add(id);
    const pingedAt = performance.now();
    const isQuiet = (): boolean => (known.get(id)?.respondedAt ?? pingedAt) < pingedAt;
    // Behind all that lies unread.
    const late = setTimeout(() => setImmediate(() => isQuiet() && hanging.add(id)), pingLateMs);
    const ended = (failure: NoReply | null): boolean => {
      clearTimeout(late);
      pinged.delete(id);
      if (failure === null) responded(id, pingedAt);
      else if (failure !== 'timeout') gone(id);
      else if (isQuiet()) check(id);
      return false;
    };
    try {
      connection.link.nc.publish(pingSubject(service, id), '', { reply: replies.expect(pingMs, ended) });
    } catch {
      ended('disconnected');
    }
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

    /** Something sent then is slow: finds out which replicas hang. */
    checkSilent(sentAt: number): void {
      for (const [id, { respondedAt }] of known) if (respondedAt < sentAt) check(id);
    },

    /**
     * The replica to send again to what was sent then; undefined for none yet. It has responded to what was sent later:
     * where all have more to do than they can they respond one by one, and nothing is sent again.
     */
    hedge(sentAt: number): string | undefined {
      const ahead = oneOf(({ askedAt }, id) => askedAt > sentAt && !hanging.has(id));
      if (ahead === undefined || hanging.size > 0) return ahead;
      const now = performance.now();
      if (now < nextSlowHedgeAt) return undefined;
      nextSlowHedgeAt = now + slowHedgeEveryMs;
      return ahead;
    },
  };
}
