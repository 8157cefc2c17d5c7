/** Applies messages to rows: each batch of messages and its checkpoint in one transaction. */
import type { Tracer } from '@opentelemetry/api';
import { EventReader, ForgedEvent, type StoredMessage, UnreadableEvent } from '../broker/event-codec.ts';
import { type Checkpoint, maxLastTaken } from '../broker/stream-identity.ts';
import type { StreamReader } from '../broker/stream-reader.ts';
import { isProbe } from '../broker/write-health.ts';
import { endSpan, messaging, type Span, SpanKind, startSpan } from '../observe/telemetry.ts';
import { messageOf } from '../operations/errors.ts';
import type { SiteStream } from '../process/sites.ts';
import { isSampled } from '../process/trace-context.ts';
import { isCorrupt, isEnvironmental } from './database.ts';
import { prepareOutbox } from './dead-letter-outbox.ts';
import type { WatchedDatabase } from './fingerprint.ts';
import type { Projection } from './projection.ts';
import type { Applied, StreamProgress, ViewContext } from './view-client.ts';

/** Applies the messages of one stream to a view's database and tracks the position in the stream. */
export class Projector {
  readonly projection: Projection;
  readonly stream: string;
  /** Whether the stream is a copy of another site's stream. */
  readonly isCopy: boolean;
  readonly #view: ViewContext;
  readonly #watched: WatchedDatabase;
  readonly #reader: EventReader;
  readonly #checkpoint;
  readonly #putIntoOutbox;
  /** Undefined before the first message. */
  position: Checkpoint | undefined;
  state: StreamProgress['state'];
  /** The message for operators when the broker has lost the stream. */
  loss: string | undefined;
  /** Undefined until reading starts. */
  reader: StreamReader | undefined;
  /** Number of forged events in the current batch. */
  #forged = 0;

  /** @param source the projection's own stream, or a copy of another site's */
  constructor(view: ViewContext, watched: WatchedDatabase, projection: Projection, source: SiteStream) {
    this.#view = view;
    this.#watched = watched;
    this.projection = projection;
    this.stream = source.stream;
    this.isCopy = this.stream !== projection.stream;
    this.state = this.isCopy ? 'behind' : 'unverified';
    const { $client: client } = watched.db;
    this.#reader = new EventReader(projection.events, source);
    const row = client
      .prepare<[string], Checkpoint & { lastTaken: string }>(
        'SELECT sequence, created, last_taken AS lastTaken FROM view_checkpoints WHERE stream = ?',
      )
      .get(this.stream);
    this.position = row && { ...row, lastTaken: JSON.parse(row.lastTaken) };
    this.#checkpoint = client.prepare(
      'INSERT OR REPLACE INTO view_checkpoints (stream, sequence, created, last_taken) VALUES (?, ?, ?, ?)',
    );
    this.#putIntoOutbox = prepareOutbox(watched.db);
  }

  /**
   * Applies messages in one transaction. A message that cannot be applied is put into the dead-letter outbox in the
   * same transaction, and the messages behind it are applied.
   * @returns figures of the batch
   * @throws Error if the disk or the file fails; `position` then says how many of the messages were applied
   */
  apply(stored: StoredMessage[], created: string): Applied {
    const { tracer } = this.#view.connection.telemetry;
    const spans = tracer ? startSpans(tracer, stored) : [];
    const startedAt = performance.now();
    this.#forged = 0;
    try {
      this.#applyStored(stored, created);
    } catch (error) {
      for (const span of spans) endSpan(span, error instanceof Error ? error.name : '_OTHER');
      throw error;
    }
    for (const span of spans) endSpan(span);
    const { stream } = this;
    return { stream, seconds: (performance.now() - startedAt) / 1000, events: stored.length, forged: this.#forged };
  }

  get progress(): StreamProgress {
    const { stream, isCopy, state, loss } = this;
    const { sequence = 0, created = '' } = this.position ?? {};
    const { lag = 0, appliedUpTo = Date.now() } = this.reader ?? {};
    // A stream of which nothing was applied is not a loss.
    const problem = sequence > 0 && !isCopy ? loss : undefined;
    return { stream, position: { sequence, created }, lag, appliedUpTo, state, problem };
  }

  /** Moves the checkpoint past filtered-out messages, or to a stream recreated before any of it was applied. */
  skipTo(sequence: number, created: string): void {
    if (this.position?.created === created && this.position.sequence >= sequence) return;
    const position = { sequence, created, lastTaken: this.position?.lastTaken ?? [] };
    this.#store(position);
    this.position = position;
  }

  #applyStored(messages: StoredMessage[], created: string): void {
    try {
      this.#commit(messages, created, () => {
        for (const message of messages) this.#applyOne(message, created);
        this.projection.finish?.();
      });
    } catch (error) {
      this.projection.abandon?.();
      if (isEnvironmental(error) || isCorrupt(error)) throw error;
      // If the file was modified externally, the message need not be at fault.
      this.#watched.requireUnmodified();
      const [message, ...others] = messages as [StoredMessage, ...StoredMessage[]];
      if (others.length > 0) {
        // One message is at fault. Applied one by one, the others succeed.
        this.#forged = 0;
        for (const each of messages) this.#applyStored([each], created);
        return;
      }
      const { stream, sequence } = message;
      this.#view.log.error({ err: error, stream, sequence }, 'a projection failed on a message');
      this.#commit(messages, created, () => this.#putIntoOutbox(message, created, messageOf(error)));
    }
  }

  #applyOne(message: StoredMessage, created: string): void {
    try {
      this.projection.apply(this.#reader.read(message));
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      if (error instanceof ForgedEvent) {
        const { stream, sequence } = message;
        this.#forged++;
        this.#view.log.error({ stream, sequence, reason: error.message }, 'a forged event was ignored');
        return;
      }
      if (!isProbe(message.subject)) this.#putIntoOutbox(message, created, error.message);
    }
  }

  /** Runs `work` and moves the checkpoint past the messages, in one transaction. */
  #commit(messages: StoredMessage[], created: string, work: () => void): void {
    const { sequence } = messages.at(-1) as StoredMessage;
    const taken = messages.slice(-maxLastTaken).map(({ sequence, storedAt }) => ({ sequence, storedAt }));
    const lastTaken = [...(this.position?.lastTaken ?? []), ...taken].slice(-maxLastTaken);
    const position = { sequence, created, lastTaken };
    this.#watched.db.$client.transaction(() => {
      work();
      this.#store(position);
    })();
    this.position = position;
  }

  #store({ sequence, created, lastTaken }: Checkpoint): void {
    this.#checkpoint.run(this.stream, sequence, created, JSON.stringify(lastTaken));
  }
}

/** Maximum age of a traced message, so that rebuilding a view adds no spans to old traces. */
const maxTracedAgeMs = 60_000;

/** Starts a span for each message that belongs to a sampled trace. */
function startSpans(tracer: Tracer, messages: StoredMessage[]): Span[] {
  const since = Date.now() - maxTracedAgeMs;
  return messages.flatMap(({ stream, sequence, storedAt, headers: { traceparent } }) => {
    if (!traceparent || storedAt <= since || !isSampled(traceparent)) return [];
    const attributes = {
      ...messaging,
      'messaging.operation.name': 'apply',
      'messaging.operation.type': 'process',
      'messaging.destination.name': stream,
      'marquee.sequence': sequence,
    };
    return [startSpan(tracer, `apply ${stream}`, { kind: SpanKind.CONSUMER, attributes }, traceparent)];
  });
}
