/** Tracks the replicas of one service: which ones exist, which hang, and which can be asked instead. */
import { errors } from '@nats-io/nats-core';
import type { Connection } from '../broker/connection.ts';
import { pingSubject } from './wire-format.ts';

interface Replica {
  /** When the replica last responded, by performance.now(). */
  respondedAt: number;
  /** When the newest message that the replica has responded to was sent, by performance.now(). */
  askedAt: number;
}

/** Timeout of a ping, in milliseconds. */
const pingMs = 1000;
/** A replica that has responded within this many milliseconds is not pinged. */
const quietMs = 350;
/** Minimum interval between hedged batches while no replica is silent: a late answer is then usually just slow. */
const slowHedgeEveryMs = 50;

/**
 * Creates the tracker for one service. The broker distributes requests among all connected replicas, and notices only
 * late that one of them hangs. So when a request is slow, the replicas that have not responded lately are pinged. Until
 * they respond or turn out to be gone, requests go to one of the other replicas.
 */
export function replicasOf(service: string, connection: Connection) {
  const known = new Map<string, Replica>();
  /** Replicas that were pinged and have not responded since. */
  const silent = new Set<string>();
  let nextSlowHedgeAt = 0;

  const randomReplica = (fits: (replica: Replica, id: string) => boolean): string | undefined => {
    const ids = [...known].filter(([id, replica]) => fits(replica, id)).map(([id]) => id);
    return ids[Math.floor(Math.random() * ids.length)];
  };

  /** Records that a replica has responded to a message that was sent at `askedAt`. */
  const responded = (id: string, askedAt: number): void => {
    known.set(id, { respondedAt: performance.now(), askedAt: Math.max(askedAt, known.get(id)?.askedAt ?? 0) });
    silent.delete(id);
  };

  /** Forgets a replica, after a message to its own subject found no subscriber. */
  const gone = (id: string): void => {
    known.delete(id);
    silent.delete(id);
  };

  /** Pings a replica until it responds or is known to be gone. Never rejects. */
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

    /** The replica to send requests to; undefined means any, which is so while none is silent and while all are. */
    get target() {
      return silent.size === 0 ? undefined : randomReplica((_, id) => !silent.has(id));
    },

    /** Returns whether any replica has responded to anything since `time`. */
    respondedSince: (time: number): boolean => [...known.values()].some(({ respondedAt }) => respondedAt >= time),

    /** Pings replicas that have not responded lately, to learn which hang, when a message sent at `sentAt` is slow. */
    pingSilent(sentAt: number): void {
      const quietSince = Math.max(sentAt, performance.now() - quietMs);
      for (const [id, { respondedAt, askedAt }] of known) {
        if (askedAt <= sentAt && respondedAt < quietSince && !silent.has(id)) void ping(id);
      }
    },

    /**
     * Returns where to send a message again that was sent at `sentAt`: a replica, or any replica while none is known;
     * undefined when it must not be sent again yet. The replica must have responded to a later message: overloaded
     * replicas respond in order, and sending requests again would only add to their load.
     */
    hedge(sentAt: number): { replica: string | undefined } | undefined {
      const replica = randomReplica(({ askedAt }, id) => askedAt > sentAt && !silent.has(id));
      if (replica === undefined && known.size > 0) return undefined;
      if (silent.size > 0) return { replica };
      const now = performance.now();
      if (now < nextSlowHedgeAt) return undefined;
      nextSlowHedgeAt = now + slowHedgeEveryMs;
      return { replica };
    },
  };
}
