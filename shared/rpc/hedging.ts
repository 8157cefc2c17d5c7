/** What a caller knows of the replicas of one service: who is there, who hangs, and who can be asked instead. */
import { errors } from '@nats-io/nats-core';
import type { Connection } from '../broker/connection.ts';
import { pingSubject } from './wire-format.ts';

interface Replica {
  /** When it last responded to anything, by performance.now(). */
  respondedAt: number;
  /** When the newest of what it has responded to was sent. */
  askedAt: number;
}

const pingMs = 1000;
/** A replica that has not responded to anything for so long may have nothing to respond to. */
const quietMs = 350;
/** Batches are repeated this seldom where no replica is silent: what is late then is mostly only slow. */
const slowHedgeEveryMs = 50;

/**
 * The broker shares requests out among all replicas that are connected, also to one that hangs, until it notices. A
 * request that is slow makes us ping those replicas that have not responded since; until they do, or are gone, requests
 * are sent to one of the others.
 */
export function replicasOf(service: string, connection: Connection) {
  const known = new Map<string, Replica>();
  /** Those that were pinged and have not responded since. */
  const silent = new Set<string>();
  let nextSlowHedgeAt = 0;

  const oneOf = (fits: (replica: Replica, id: string) => boolean): string | undefined => {
    const ids = [...known].filter(([id, replica]) => fits(replica, id)).map(([id]) => id);
    return ids[Math.floor(Math.random() * ids.length)];
  };

  /** A replica has responded to what was sent at `askedAt`. */
  const responded = (id: string, askedAt: number): void => {
    known.set(id, { respondedAt: performance.now(), askedAt: Math.max(askedAt, known.get(id)?.askedAt ?? 0) });
    silent.delete(id);
  };

  /** What was sent to it met nobody. */
  const gone = (id: string): void => {
    known.delete(id);
    silent.delete(id);
  };

  /** Pings a replica, again and again until it is clear whether it is there. Never rejects. */
  const ping = async (id: string): Promise<void> => {
    silent.add(id);
    while (silent.has(id)) {
      const pingedAt = performance.now();
      try {
        await connection.link.nc.request(pingSubject(service, id), '', { timeout: pingMs });
        responded(id, pingedAt);
      } catch (error) {
        if (!(error instanceof errors.TimeoutError)) gone(id);
      }
    }
  };

  return {
    responded,
    gone,

    /** The replica to send to; undefined for any: while none is silent, and while all are. */
    get target() {
      return silent.size === 0 ? undefined : oneOf((_, id) => !silent.has(id));
    },

    /** Whether any replica has responded to anything since then. */
    respondedSince: (time: number): boolean => [...known.values()].some(({ respondedAt }) => respondedAt >= time),

    /** Something sent then is slow: pings those that have not responded to anything lately, to know which of them hang. */
    pingSilent(sentAt: number): void {
      const quietSince = Math.max(sentAt, performance.now() - quietMs);
      for (const [id, { respondedAt, askedAt }] of known) {
        if (askedAt <= sentAt && respondedAt < quietSince && !silent.has(id)) void ping(id);
      }
    },

    /**
     * The replica to send again to what was sent then, or any while none is known; undefined for none yet. It has responded to
     * what was sent later: where all have more to do than they can they respond one by one, and nothing is sent again.
     */
    hedge(sentAt: number): { replica: string | undefined } | undefined {
      const replica = oneOf(({ askedAt }, id) => askedAt > sentAt && !silent.has(id));
      if (replica === undefined && known.size > 0) return undefined;
      if (silent.size > 0) return { replica };
      const now = performance.now();
      if (now < nextSlowHedgeAt) return undefined;
      nextSlowHedgeAt = now + slowHedgeEveryMs;
      return { replica };
    },
  };
}
