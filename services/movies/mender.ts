/**
 * Puts back what an unreadable message has pushed out. The catalogue keeps the last message of each movie: when that is
 * something that nobody can read, the state before it is in the views only, and would be gone with the next rebuild.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { WrongLastSequence } from '../../shared/broker/publisher.ts';
import { messageOf } from '../../shared/operations/errors.ts';
import type { Background, ServiceContext } from '../../shared/service.ts';
import type { Buried } from '../../shared/views/messages.ts';
import { restatement } from './commands.ts';
import { movieStated } from './contract.ts';
import type { MovieQueries } from './queries.ts';

const attempts = 10;
const pauseMs = 1000;

/** Every replica runs one: the broker takes what they say from one of them. */
export class Mender implements Background {
  readonly #context: ServiceContext<MovieQueries>;
  readonly #forget: () => void;
  readonly #stopped = new AbortController();
  readonly #work = new Set<Promise<void>>();

  constructor(context: ServiceContext<MovieQueries>) {
    this.#context = context;
    this.#forget = context.view.onBuried((message) => {
      const work = this.#mend(message).finally(() => this.#work.delete(work));
      this.#work.add(work);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    this.#stopped.abort();
    await Promise.all(this.#work);
  }

  /** Never rejects. */
  async #mend(message: Buried): Promise<void> {
    const { signal } = this.#stopped;
    for (let attempt = 1; attempt <= attempts && !signal.aborted; attempt++) {
      try {
        return await this.#restate(message);
      } catch (error) {
        // Somebody has said something since.
        if (error instanceof WrongLastSequence) return;
        this.#context.log.warn({ ...message, reason: messageOf(error) }, 'a movie cannot be put back yet');
        await delay(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #restate({ stream, subject, sequence, type, unreadable }: Buried): Promise<void> {
    const { view, config, commands, log } = this.#context;
    // An event of a later version is for those who know it: in the middle of an upgrade it is the truth.
    if (type !== undefined && type !== movieStated.type) return;
    const [kind, site, , id] = subject.split('.');
    const movieId = Number(id);
    if (stream !== movieStated.stream || kind !== 'catalogue' || !unreadable || !Number.isSafeInteger(movieId)) return;
    const known = view.queries.lastWord(movieId);
    // What another site said is its own to say again; and what is not known any more cannot be said.
    if (!known || known.site !== site || site !== config.site || known.revision >= sequence) return;
    await commands.publisher.publish(restatement(movieId, known, sequence));
    log.warn({ movieId, sequence }, 'an unreadable message had replaced a movie, which was put back');
  }
}
