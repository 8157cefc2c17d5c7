/** How a command becomes an event: decide, publish with an expectation, wait for the view, or decide again. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { Connection } from './connection.ts';
import { AppError } from './errors.ts';
import type { OutgoingMessage } from './events.ts';
import { type Published, type Publisher, WrongLastSequence } from './publish.ts';
import type { View } from './view.ts';

const attempts = 5;

/** Publishes for one service and waits until its own view shows what was published. */
export class Commands {
  readonly publisher: Publisher;
  readonly #connection: Connection;
  readonly #view: View<unknown>;

  constructor(connection: Connection, publisher: Publisher, view: View<unknown>) {
    this.#connection = connection;
    this.publisher = publisher;
    this.#view = view;
  }

  /**
   * Runs `decide` on the view as it is, publishes what it gives, and waits for the view. Where another writer was
   * first it waits until the view has caught up and decides again. `decide` throws to refuse, or gives null when
   * nothing has to change.
   * @param deadline milliseconds since 1970
   * @param stream where given, a refusal is final only when the view holds all of that stream: another replica may have
   *   stored a moment ago what makes the difference
   * @returns what was published and whether the view shows it already; null when nothing had to change
   */
  async execute(
    decide: () => OutgoingMessage | null,
    deadline: number,
    stream?: string,
  ): Promise<{ published: Published; visible: boolean } | null> {
    let refused: { expected: number | undefined; actual: number } | undefined;
    for (let attempt = 1; ; attempt++) {
      const decided = await this.#decide(decide, deadline, attempt === 1 ? stream : undefined);
      if (!decided) return null;
      const expected = decided.expect?.lastSubjectSequence;
      // The view holds all that the broker has on the subject and comes to the same decision: what made the difference
      // went to DEADLETTERS, or was deleted. It must not block the subject for ever.
      const message = refused && refused.expected === expected ? expecting(decided, refused.actual) : decided;
      try {
        const published = await this.publisher.publish(message);
        return { published, visible: await this.visible(published, deadline) };
      } catch (error) {
        if (!(error instanceof WrongLastSequence)) throw error;
        if (attempt === attempts) {
          throw new AppError('unavailable', 'Others keep changing this at the same time.', { cause: error });
        }
        // Asked before the view catches up, so that the view is never behind it.
        refused = { expected, actual: await this.#lastSequence(message) };
        await this.catchUp(message.stream, deadline);
      }
    }
  }

  async #decide(
    decide: () => OutgoingMessage | null,
    deadline: number,
    stream: string | undefined,
  ): Promise<OutgoingMessage | null> {
    try {
      return decide();
    } catch (error) {
      if (stream === undefined || !(error instanceof AppError)) throw error;
      await this.catchUp(stream, deadline);
      return decide();
    }
  }

  /** Waits until the view shows a published event; false at the deadline. */
  visible(published: Published, deadline: number): Promise<boolean> {
    return this.#view.waitFor(published.stream, published.sequence, deadline - Date.now());
  }

  /**
   * Waits until the view holds everything that the stream holds now.
   * @throws AppError unavailable when that takes longer than the deadline.
   */
  async catchUp(stream: string, deadline: number): Promise<void> {
    let lastSequence: number;
    try {
      const jsm = await jetstreamManager(this.#connection.link.nc, { checkAPI: false });
      lastSequence = (await jsm.streams.info(stream)).state.last_seq;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', 'The stream is not available at the moment.', { cause: error });
    }
    if (!(await this.#view.waitFor(stream, lastSequence, deadline - Date.now()))) {
      throw new AppError('unavailable', 'The view is behind its stream.');
    }
  }

  /** Sequence of the last message that an expectation is about; 0 where there is none. */
  async #lastSequence({ stream, subject, expect }: OutgoingMessage): Promise<number> {
    try {
      const jsm = await jetstreamManager(this.#connection.link.nc, { checkAPI: false });
      return (await jsm.streams.getMessage(stream, { last_by_subj: expect?.subject ?? subject }))?.seq ?? 0;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('unavailable', 'The stream is not available at the moment.', { cause: error });
    }
  }
}

function expecting(message: OutgoingMessage, lastSubjectSequence: number): OutgoingMessage {
  return { ...message, expect: { ...message.expect, lastSubjectSequence } };
}
