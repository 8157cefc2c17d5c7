/** From messages to rows: a batch of messages and the checkpoint behind it, in one transaction. */
import type { Tracer } from '@opentelemetry/api';
import { EventReader, ForgedEvent, type StoredMessage, UnreadableEvent } from '../broker/event-codec.ts';
import { type Checkpoint, mostLastTaken } from '../broker/stream-identity.ts';
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
import type { Applied, KeptView, StreamProgress } from './view-thread.ts';

/** One stream of a view: applies its messages to the database, and knows how far that is. */
export class Projector {
  readonly projection: Projection;
  readonly stream: string;
  /** Whether it is the copy of what another site makes. */
  readonly isCopy: boolean;
  readonly #view: KeptView;
  readonly #watched: WatchedDatabase;
  readonly #reader: EventReader;
  readonly #checkpoint;
  readonly #putIntoOutbox;
  /** Undefined before the first. */
  position: Checkpoint | undefined;
  state: StreamProgress['state'];
  /** What was last said of the loss of the stream. */
  loss: string | undefined;
  /** Undefined until it is read. */
  reader: StreamReader | undefined;
  /** Forged events of the batch that is being applied. */
  #forged = 0;

  /** @param source which stream of the projection's kind */
  constructor(view: KeptView, watched: WatchedDatabase, projection: Projection, source: SiteStream) {
    this.#view = view;
    this.#watched = watched;
    this.projection = projection;
    this.stream = source.stream;
    this.isCopy = this.stream !== projection.stream;
    this.state = this.isCopy ? 'behind' : 'unsure';
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
   * Applies messages in one transaction. A message that cannot be taken is put into the outbox of dead letters in the same
   * transaction and holds up nothing behind it.
   * @returns what it took
   * @throws what the machine is to blame for (disk full, a broken file): then nothing was applied.
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
    // Nothing is lost that was never there.
    const problem = sequence > 0 && !isCopy ? loss : undefined;
    return { stream, position: { sequence, created }, lag, appliedUpTo, state, problem };
  }

  /** Moves the checkpoint over messages that the filter leaves out, and to another stream that came while there were none. */
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
      // A failure on another file says nothing about the message.
      this.#watched.requireOwn();
      const [message, ...others] = messages as [StoredMessage, ...StoredMessage[]];
      if (others.length > 0) {
        // One of them is at fault: alone, each of the others still goes through.
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
        this.#view.log.error({ stream, sequence, reason: error.message }, 'a forged event was left out');
        return;
      }
      if (!isProbe(message.subject)) this.#putIntoOutbox(message, created, error.message);
    }
  }

  /** Does work, and moves the checkpoint behind messages, in one transaction. */
  #commit(messages: StoredMessage[], created: string, work: () => void): void {
    const { sequence } = messages.at(-1) as StoredMessage;
    const taken = messages.slice(-mostLastTaken).map(({ sequence, storedAt }) => ({ sequence, storedAt }));
    const lastTaken = [...(this.position?.lastTaken ?? []), ...taken].slice(-mostLastTaken);
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

/** A view that is built again is not part of the traces of all that ever happened. */
const tracedForMs = 60_000;

/** A span for each message of a trace that someone records. */
function startSpans(tracer: Tracer, messages: StoredMessage[]): Span[] {
  const since = Date.now() - tracedForMs;
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
