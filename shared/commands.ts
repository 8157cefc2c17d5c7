/** Turns commands into events: decide, publish with an expected sequence, wait for the view; retry on a conflict. */
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import type { Connection } from './broker/connection.ts';
import type { OutgoingMessage } from './broker/event-codec.ts';
import { type Published, type Publisher, WrongLastSequence } from './broker/publisher.ts';
import { type StreamPosition, streamIdentity } from './broker/stream-identity.ts';
import { AppError } from './operations/errors.ts';
import { awaitedStream } from './process/sites.ts';
import { currentOrigin } from './process/trace-context.ts';
import type { View } from './views/view.ts';

const maxAttempts = 5;
/** Limit for comparing the streams with the view, which takes some milliseconds unless the broker hangs. */
const verifyMs = 2000;

interface Execution {
  /** Stream that the decision is about. */
  stream: string;
  /** Milliseconds since 1970. */
  deadline: number;
}

/** A message that the broker has stored, and that the view may not show yet. */
export interface Stored {
  published: Published;
  /** Waits until the view shows the message. Resolves with false at the deadline (milliseconds since 1970). */
  visible(deadline: number): Promise<boolean>;
}

/** Publishes a service's events, and waits until its own view shows them. */
export class Commands {
  readonly publisher: Publisher;
  readonly #connection: Connection;
  readonly #view: View<unknown>;
  /** Requests that have not been sent yet, by stream. */
  readonly #infoRequests = new Map<string, Promise<StreamInfo>>();

  constructor(connection: Connection, publisher: Publisher, view: View<unknown>) {
    this.#connection = connection;
    this.publisher = publisher;
    this.#view = view;
  }

  /**
   * Runs `decide` on the current view, publishes the message it returns, and waits until the view shows that. If
   * another writer was first, waits for the view to catch up and decides again. `decide` throws to refuse, or returns
   * null when nothing has to change. Both are final only once the view has caught up, because another replica may just
   * have stored an event that makes a difference. Calls that start together all run `decide` before any of them waits.
   * @returns what was published, and whether the view shows it; null when nothing had to change
   */
  async execute(
    decide: () => OutgoingMessage | null,
    { stream, deadline }: Execution,
  ): Promise<{ published: Published; visible: boolean } | null> {
    /** The last expectation that the broker refused, and the sequence that it should have been. */
    let refused: { expected: number | undefined; actual: number } | undefined;
    for (let attempt = 1; ; attempt++) {
      if (!this.#view.verified) await this.#waitUntilVerified(deadline);
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
        // Another replica's view may not show yet that nothing has to change.
        currentOrigin.getStore()?.recordWrite(stream, this.#view.position(stream)?.sequence ?? 0);
        return null;
      }
      const expected = decided.expect?.lastSubjectSequence;
      // The view has caught up and expects the same as before: the message that it lacks was dead-lettered or deleted, or
      // the one that it has is on the subject of a site that wrote the stream earlier.
      // Expecting that message's sequence keeps it from blocking the subject.
      const message = refused && refused.expected === expected ? withExpected(decided, refused.actual) : decided;
      try {
        const stored = await this.store(message);
        return { published: stored.published, visible: await stored.visible(deadline) };
      } catch (error) {
        if (!(error instanceof WrongLastSequence)) throw error;
        if (attempt === maxAttempts) {
          throw new AppError('unavailable', 'Other requests kept changing this: try again.', { cause: error });
        }
        // Read before the view catches up, so that the view includes this message.
        refused = { expected, actual: await this.#lastSequence(message) };
        await this.catchUp(stream, deadline);
      }
    }
  }

  /** Publishes a message. @throws AppError as Publisher.publish; unavailable if the view does not match its streams */
  async store(message: OutgoingMessage): Promise<Stored> {
    if (!this.#view.verified) await this.#waitUntilVerified(Date.now() + verifyMs);
    const before = this.#view.position(message.stream);
    const published = await this.publisher.publish(message);
    return { published, visible: (deadline) => this.#visible(published, deadline, before) };
  }

  /** Waits until the view is known to match its streams: one that is ahead of a restored stream must not decide. */
  async #waitUntilVerified(deadline: number): Promise<void> {
    // Throws at once while the broker is disconnected.
    this.#connection.link;
    await this.#view.waitUntilVerified(deadline);
  }

  /**
   * Waits until the view shows a published event, and adds it to the response's position. Resolves with false at the
   * deadline.
   * @param before the view's position before the event was published
   */
  #visible({ stream, sequence, duplicate }: Published, deadline: number, before?: StreamPosition): Promise<boolean> {
    currentOrigin.getStore()?.recordWrite(stream, sequence);
    // A new event follows everything that the view holds, unless the stream was recreated in between.
    const replaced = before !== undefined && sequence <= before.sequence && !duplicate;
    const isRecreated = replaced ? (created: string) => created !== before.created : undefined;
    return this.#view.waitFor(stream, sequence, deadline - Date.now(), isRecreated);
  }

  /**
   * Waits until the view holds everything that the stream holds now.
   * @param kind name of the stream at the site that writes it, such as CATALOGUE
   * @throws AppError unavailable at the deadline, or when the view was built from another stream of that name
   */
  async catchUp(kind: string, deadline: number): Promise<void> {
    const stream = awaitedStream(kind, this.#connection.sites);
    const before = this.#view.position(stream);
    const info = await this.streamInfo(stream);
    const identity = streamIdentity(info);
    if (before?.created === identity && before.sequence > info.state.last_seq) {
      throw new AppError('unavailable', 'The view is ahead of its stream and will be rebuilt: try again.');
    }
    if (!this.#view.verified) await this.#waitUntilVerified(deadline);
    const isSame = (created: string): boolean => created === identity;
    if (!(await this.#view.waitFor(stream, info.state.last_seq, deadline - Date.now(), isSame))) {
      throw new AppError('unavailable', 'The view did not catch up with its stream in time: try again.');
    }
  }

  /**
   * Returns what `find` finds in the current view. If that is undefined, catches up with the stream and looks again,
   * because another replica or service may just have stored what is looked for.
   * @throws AppError unavailable as catchUp
   */
  async find<T>(find: () => T | undefined, { stream, deadline }: Execution): Promise<T | undefined> {
    const found = find();
    if (found !== undefined) return found;
    await this.catchUp(stream, deadline);
    return find();
  }

  /** Returns the state of a stream. Callers share a request until it is sent. @throws AppError unavailable */
  streamInfo(stream: string): Promise<StreamInfo> {
    let request = this.#infoRequests.get(stream);
    if (!request) {
      request = this.#ask((jsm) => jsm.streams.info(stream));
      this.#infoRequests.set(stream, request);
      // A later caller may already know of events that this reply does not include.
      queueMicrotask(() => this.#infoRequests.delete(stream));
    }
    return request;
  }

  /** Returns the last sequence on the subject of a message's expectation, or 0. @throws AppError unavailable */
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

function withExpected(message: OutgoingMessage, lastSubjectSequence: number): OutgoingMessage {
  return { ...message, expect: { ...message.expect, lastSubjectSequence } };
}
