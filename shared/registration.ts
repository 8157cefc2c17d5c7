/** On the broker only while there is something to answer from: other replicas get the requests meanwhile. */
import { messageOf } from './operations/errors.ts';
import type { Logger } from './process/log.ts';
import type { View } from './views/view.ts';

const tryAgainMs = 1000;

/** A service that is on the broker whenever its view can answer. Disposing it waits for the requests that it has. */
export interface Registration extends AsyncDisposable {
  /** Resolves when it is there for the first time. Rejects when the view can never answer, and when it is stopped before. */
  first: Promise<void>;
}

/** Registers a service when its view can answer, and takes it off when the view no longer can, until it is stopped. */
export function keepRegistered(
  view: View<unknown>,
  register: () => Promise<AsyncDisposable>,
  log: Logger,
  stopping: AbortSignal,
): Registration {
  const first = Promise.withResolvers<void>();
  const stopped = new Promise<void>((resolve) => stopping.addEventListener('abort', () => resolve(), { once: true }));
  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      await Promise.race([view.ready, stopped]);
      if (stopping.aborted) break;
      try {
        await using _registered = await register();
        first.resolve();
        await Promise.race([view.lost, stopped]);
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'the service cannot be registered, trying on');
        await Promise.race([new Promise((resolve) => setTimeout(resolve, tryAgainMs)), stopped]);
      }
    }
    throw stopping.reason;
  };
  const ended = run().catch((error: unknown) => first.reject(error));
  return { first: first.promise, [Symbol.asyncDispose]: () => ended };
}
