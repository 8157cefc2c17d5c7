/**
 * Detects a second machine that runs as the same site. Two such machines would store different events under the same
 * sequences, and other sites would copy only one of each. They notice each other by way of the hub, and the one that
 * started later ends.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import { hub } from '../shared/process/sites.ts';
import { deliveryTo } from './sites.ts';

/** Subject of presence messages: the only one on which an edge receives what an edge, namely itself, has published. */
export const twinSubject = (site: string): string => `${deliveryTo(hub, site)}.twin`;

const everyMs = 3000;
/** Within this difference of uptimes the ids decide: because of delays, each might consider itself the older one. */
export const togetherMs = 2000;

const presence = z.object({
  id: z.string(),
  host: z.string(),
  /** Uptime, which unlike a start time does not depend on clocks. */
  runsMs: z.number(),
  /** Whether this answers the presence of another machine. Answers are not answered. */
  isAnswer: z.boolean(),
});

function presenceIn(message: Msg): z.output<typeof presence> | undefined {
  try {
    return presence.parse(message.json());
  } catch {
    // Not a presence message. It must neither end a site nor, by a throw, the connection's reader.
    return undefined;
  }
}

export interface TwinWatch extends Disposable {
  /** Rejects when an older twin is found. Never resolves. */
  readonly found: Promise<never>;
}

/** Announces until disposed that this machine runs a site, and watches for another machine that does. */
export function watchForTwin(nc: NatsConnection, site: string): TwinWatch {
  const startedAt = performance.now();
  const id = randomUUID();
  const { promise: found, reject } = Promise.withResolvers<never>();
  found.catch(() => {});
  const runsMs = (): number => performance.now() - startedAt;
  const announce = (isAnswer: boolean): void => {
    const own: z.input<typeof presence> = { id, host: hostname(), runsMs: runsMs(), isAnswer };
    if (!nc.isClosed()) nc.publish(twinSubject(site), JSON.stringify(own));
  };
  const subscription = nc.subscribe(twinSubject(site), {
    callback: (error, message) => {
      if (error) return;
      const other = presenceIn(message);
      if (!other || other.id === id) return;
      const longerMs = runsMs() - other.runsMs;
      if (Math.abs(longerMs) < togetherMs ? id < other.id : longerMs > 0) {
        if (!other.isAnswer) announce(true);
        return;
      }
      reject(
        new Error(
          `${site} is already running on ${other.host}. Two machines of one site would store different events under the same ` +
            'sequences, so this one stops. Stop the other one, or make this one a site of its own (at the hub: npm run site -- add NAME)',
        ),
      );
    },
  });
  announce(false);
  const timer = setInterval(announce, everyMs, false);
  return {
    found,
    [Symbol.dispose]() {
      clearInterval(timer);
      subscription.unsubscribe();
    },
  };
}
