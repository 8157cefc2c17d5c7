/**
 * Two machines that run as the same site use the same sequences for different events, of which others copy only one. They hear
 * of each other by way of the hub, and the one that runs for less long ends.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { z } from 'zod';
import { hub } from '../shared/process/sites.ts';
import { deliveryTo } from './sites.ts';

/** The only subject on which an edge hears what an edge has said: itself. */
export const twinSubject = (site: string): string => `${deliveryTo(hub, site)}.twin`;

const everyMs = 3000;
/** Of two that started so close together each may hear the other as the younger: then the ids decide. */
export const togetherMs = 2000;

const presence = z.object({
  id: z.string(),
  host: z.string(),
  /** Since when, without regard to the clock. */
  runsMs: z.number(),
  /** Whether another one was heard just now: then nobody answers. */
  isAnswer: z.boolean(),
});

function presenceIn(message: Msg): z.output<typeof presence> | undefined {
  try {
    return presence.parse(message.json());
  } catch {
    // Somebody else's: it must not end a site, nor, thrown, the connection's reader.
    return undefined;
  }
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
  const tell = (isAnswer: boolean): void => {
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
        if (!other.isAnswer) tell(true);
        return;
      }
      reject(
        new Error(
          `${site} runs already, on ${other.host}: two of one name would write different things under the same numbers, so this one ends. ` +
            `Stop the other, or give this one a name of its own (at the hub: npm run site -- add NAME)`,
        ),
      );
    },
  });
  tell(false);
  const timer = setInterval(tell, everyMs, false);
  return {
    found,
    [Symbol.dispose]() {
      clearInterval(timer);
      subscription.unsubscribe();
    },
  };
}
