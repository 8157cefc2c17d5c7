/** On the broker only while there is something to answer from: other replicas get the requests meanwhile. */
import { messageOf } from './operations/errors.ts';
import type { Logger } from './process/log.ts';
import type { View } from './views/view.ts';

const tryAgainMs = 1000;

/** Registers a service when its view can answer, and takes it off when the view no longer can. */
export class Registration implements AsyncDisposable {
  readonly #view: View<unknown>;
  readonly #register: () => Promise<AsyncDisposable>;
  readonly #log: Logger;
  readonly #first = Promise.withResolvers<void>();
  readonly #stop = Promise.withResolvers<void>();
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(view: View<unknown>, register: () => Promise<AsyncDisposable>, log: Logger) {
    this.#view = view;
    this.#register = register;
    this.#log = log;
    this.#running = this.#run().catch((error: unknown) => this.#first.reject(error));
  }

  /** Resolves when it is registered for the first time. Rejects when the view can never answer. */
  get first(): Promise<void> {
    return this.#first.promise;
  }

  /** Takes no more requests, and finishes those that it has. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stop.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.race([this.#view.ready, this.#stop.promise]);
      if (this.#stopped) return;
      try {
        await using _registered = await this.#register();
        this.#first.resolve();
        await Promise.race([this.#view.lost, this.#stop.promise]);
      } catch (error) {
        this.#log.warn({ reason: messageOf(error) }, 'the service cannot be registered, trying on');
        await Promise.race([new Promise((resolve) => setTimeout(resolve, tryAgainMs)), this.#stop.promise]);
      }
    }
  }
}
