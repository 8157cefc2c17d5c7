/** How a command becomes an event: decide, publish with an expectation, wait for the view, or decide again. */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import type { Connection } from './broker/connection.ts';
import type { OutgoingMessage } from './broker/event-codec.ts';
import { type Published, type Publisher, WrongLastSequence } from './broker/publisher.ts';
import { type StreamPosition, streamIdentity } from './broker/stream-identity.ts';
import { AppError } from './operations/errors.ts';
import { awaitedStream } from './process/sites.ts';
import { currentOrigin } from './process/trace-context.ts';
import type { View } from './views/view.ts';

const attempts = 5;
/** The reader of a stream compares it with the view within some milliseconds, unless the broker hangs. */
const confirmMs = 2000;

interface Execution {
  /** The stream that what is decided belongs to. */
  stream: string;
  /** Milliseconds since 1970. */
  deadline: number;
}

/** A message that the broker has stored, on its way into the view. */
export interface Stored {
  published: Published;
  /** Waits until the view shows it; false at the deadline (milliseconds since 1970). */
  visible(deadline: number): Promise<boolean>;
}

/** Publishes for one service and waits until its own view shows what was published. */
export class Commands {
  readonly publisher: Publisher;
  readonly #connection: Connection;
  readonly #view: View<unknown>;
  readonly #asked = new Map<string, Promise<StreamInfo>>();

  constructor(connection: Connection, publisher: Publisher, view: View<unknown>) {
    this.#connection = connection;
    this.publisher = publisher;
    this.#view = view;
  }

  /**
   * Runs `decide` on the view as it is, publishes what it gives, and waits for the view. Where another writer was
   * first it waits until the view has caught up and decides again. `decide` throws to refuse, or gives null when
   * nothing has to change: that is final only when the view holds all of the stream, because another replica may have
   * stored a moment ago what makes the difference. Of many that begin together each is made for the first time before
   * anything is waited for.
   * @returns what was published and whether the view shows it already; null when nothing had to change
   */
  async execute(
    decide: () => OutgoingMessage | null,
    { stream, deadline }: Execution,
  ): Promise<{ published: Published; visible: boolean } | null> {
    let refused: { expected: number | undefined; actual: number } | undefined;
    for (let attempt = 1; ; attempt++) {
      if (!this.#view.sure) await this.#confirmed(deadline);
      let decided: OutgoingMessage | null = null;
      try {
        decided = decide();
      } catch (error) {
        if (attempt > 1 || !(error instanceof AppError)) throw error;
      }
      if (!decided && attempt === 1) {
        await this.catchUp(stream, deadline);
        decided = decide();
      }
      if (!decided) {
        // Another replica may not show yet what makes a change needless.
        wrote({ stream, sequence: this.#view.position(stream)?.sequence ?? 0 });
        return null;
      }
      const expected = decided.expect?.lastSubjectSequence;
      // The view holds all that the broker has on the subject and comes to the same decision: what made the difference
      // went to DEADLETTERS, or was deleted. It must not block the subject for ever.
      const message = refused && refused.expected === expected ? expecting(decided, refused.actual) : decided;
      try {
        const stored = await this.store(message);
        return { published: stored.published, visible: await stored.visible(deadline) };
      } catch (error) {
        if (!(error instanceof WrongLastSequence)) throw error;
        if (attempt === attempts) {
          throw new AppError('unavailable', 'Others keep changing this at the same time.', { cause: error });
        }
        // Asked before the view catches up, so that the view is never behind it.
        refused = { expected, actual: await this.#lastSequence(message) };
        await this.catchUp(stream, deadline);
      }
    }
  }

  /** Publishes a message. @throws as Publisher.publish */
  async store(message: OutgoingMessage): Promise<Stored> {
    if (!this.#view.sure) await this.#confirmed(Date.now() + confirmMs);
    const before = this.#view.position(message.stream);
    const published = await this.publisher.publish(message);
    return { published, visible: (deadline) => this.#visible(published, deadline, before) };
  }

  /** A view that is ahead of its stream, which was put back to an older state or lost, is nothing to decide on. */
  async #confirmed(deadline: number): Promise<void> {
    // While the broker is away that is said, at once.
    this.#connection.link;
    await this.#view.confirmed(deadline);
  }

  /**
   * Waits until the view shows a published event; false at the deadline. The position of the answer tells of it.
   * @param before the view's position before the event was published
   */
  #visible({ stream, sequence, duplicate }: Published, deadline: number, before?: StreamPosition): Promise<boolean> {
    wrote({ stream, sequence });
    // What is stored now comes behind all that the view holds, unless the stream was made again meanwhile.
    const replaced = before !== undefined && sequence <= before.sequence && !duplicate;
    const meant = replaced ? (created: string) => created !== before.created : undefined;
    return this.#view.waitFor(stream, sequence, deadline - Date.now(), meant);
  }

  /**
   * Waits until the view holds everything that the stream of a kind holds now.
   * @throws AppError unavailable when that takes longer than the deadline, or the view is not of this stream.
   */
  async catchUp(kind: string, deadline: number): Promise<void> {
    const stream = awaitedStream(kind, this.#connection.sites);
    const before = this.#view.position(stream);
    const info = await this.streamInfo(stream);
    const identity = streamIdentity(info);
    if (before?.created === identity && before.sequence > info.state.last_seq) {
      throw new AppError('unavailable', 'The view is ahead of its stream, and will be built again.');
    }
    if (!this.#view.sure) await this.#confirmed(deadline);
    const meant = (created: string): boolean => created === identity;
    if (!(await this.#view.waitFor(stream, info.state.last_seq, deadline - Date.now(), meant))) {
      throw new AppError('unavailable', 'The view is behind its stream.');
    }
  }

  /**
   * What `find` gives for the view as it is; where that is undefined, for a view that holds all of the stream: another
   * replica or service may have stored a moment ago what is looked for.
   * @throws AppError unavailable as catchUp.
   */
  async find<T>(find: () => T | undefined, { stream, deadline }: Execution): Promise<T | undefined> {
    const found = find();
    if (found !== undefined) return found;
    await this.catchUp(stream, deadline);
    return find();
  }

  /** What a stream holds: asked once for all who want to know before the request is on its way. @throws AppError unavailable */
  streamInfo(stream: string): Promise<StreamInfo> {
    let asked = this.#asked.get(stream);
    if (!asked) {
      asked = this.#ask((jsm) => jsm.streams.info(stream));
      this.#asked.set(stream, asked);
      // Whoever comes later may know of more than the reply: the view reads on, and others store.
      queueMicrotask(() => this.#asked.delete(stream));
    }
    return asked;
  }

  /** Sequence of the last message that an expectation is about; 0 where there is none. @throws AppError unavailable */
  async #lastSequence({ stream, subject, expect }: OutgoingMessage): Promise<number> {
    const last = { last_by_subj: expect?.subject ?? subject };
    return (await this.#ask((jsm) => jsm.direct.getMessage(stream, last)))?.seq ?? 0;
  }

  async #ask<T>(ask: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    const { jsm } = this.#connection.link;
    try {
      return await ask(jsm);
    } catch (error) {
      throw new AppError('unavailable', 'The stream is not available at the moment.', { cause: error });
    }
  }
}

function wrote({ stream, sequence }: Pick<Published, 'stream' | 'sequence'>): void {
  currentOrigin.getStore()?.wrote(stream, sequence);
}

function expecting(message: OutgoingMessage, lastSubjectSequence: number): OutgoingMessage {
  return { ...message, expect: { ...message.expect, lastSubjectSequence } };
}
