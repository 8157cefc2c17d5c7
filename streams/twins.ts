/**
 * Two machines that run as the same site use the same sequences for different events, of which others copy only one. They hear
 * of each other by way of the hub, and the one that runs for less long ends.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { NatsConnection } from '@nats-io/nats-core';
import { hub } from '../shared/process/sites.ts';
import { deliveryTo } from './sites.ts';

/** The only subject on which an edge hears what an edge has said: itself. */
export const twinSubject = (site: string): string => `${deliveryTo(hub, site)}.twin`;

const everyMs = 3000;

interface Presence {
  id: string;
  host: string;
  /** Since when, without regard to the clock. */
  runsMs: number;
}

export interface TwinWatch extends Disposable {
  /** Rejects when another one was there before. Never resolves. */
  readonly found: Promise<never>;
}

export function watchForTwin(nc: NatsConnection, site: string): TwinWatch {
  const startedAt = performance.now();
  const id = randomUUID();
  const { promise: found, reject } = Promise.withResolvers<never>();
  found.catch(() => {});
  const runsMs = (): number => performance.now() - startedAt;
  const tell = (): void => {
    if (!nc.isClosed()) nc.publish(twinSubject(site), JSON.stringify({ id, host: hostname(), runsMs: runsMs() }));
  };
  const subscription = nc.subscribe(twinSubject(site), {
    callback: (error, message) => {
      if (error) return;
      const other = message.json<Presence>();
      if (other.id === id) return;
      if (other.runsMs < runsMs()) return tell();
      reject(
        new Error(
          `${site} runs already, on ${other.host}: two of one name would write different things under the same numbers, so this one ends. ` +
            `Stop the other, or give this one a name of its own (at the hub: npm run site -- add NAME)`,
        ),
      );
    },
  });
  tell();
  const timer = setInterval(tell, everyMs);
  return {
    found,
    [Symbol.dispose]() {
      clearInterval(timer);
      subscription.unsubscribe();
    },
  };
}
