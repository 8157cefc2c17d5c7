/** From messages to rows: a batch of messages and the checkpoint behind it, in one transaction. */

import type { Tracer } from '@opentelemetry/api';
import { EventReader, type StoredEvent, type StoredMessage, UnreadableEvent } from '../broker/event-codec.ts';
import type { StreamPosition } from '../broker/stream-identity.ts';
import { endSpan, messaging, type Span, SpanKind, startSpan } from '../observe/tracing.ts';
import { messageOf } from '../operations/errors.ts';
import type { EventType } from '../operations/event.ts';
import { isSampled } from '../process/trace-context.ts';
import type { CommittedVersion } from './cache.ts';
import type { Database } from './database.ts';
import { isCorrupt, isEnvironmental } from './database.ts';

/** What a service does with the events of one stream. */
export interface Projection {
  stream: string;
  /** One subject filter: servers before 2.15 can skip messages of consumers with several. */
  filter: string;
  events: EventType[];
  /** Changes rows. Synchronous, inside a transaction, and harmless when the same event comes again. */
  apply(event: StoredEvent): void;
  /** Work that is cheaper once for a batch. Inside the same transaction. */
  finish?(): void;
  /** Forgets what was collected for `finish`: the transaction failed. */
  abandon?(): void;
}

/** What the view worker needs of a service, whose module exports it by the name of `projections`. */
export interface ViewProjections {
  /** Raise it when the same events give other rows: every replica then builds a new file beside the old one. */
  version: number;
  /** Folder of the migrations that drizzle-kit wrote. */
  migrations: URL;
  /** Prepares what writes the rows. */
  prepare(db: Database): Projection[];
}

/** One batch: how long its transactions took, and how many events it had. */
export interface Applied {
  seconds: number;
  events: number;
}

/** Why a message was put aside; `final` when trying again cannot help. */
export interface PutAside {
  message: StoredMessage;
  reason: string;
  final: boolean;
}

/** Tables that every view has, beside those of its service. */
export function prepareBookkeeping(db: Database): void {
  db.$client.exec(`
    CREATE TABLE IF NOT EXISTS view_checkpoints (
      stream TEXT PRIMARY KEY, sequence INTEGER NOT NULL, created TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS view_properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS view_aside (
      stream TEXT NOT NULL, created TEXT NOT NULL, sequence INTEGER NOT NULL, stored_at INTEGER NOT NULL,
      subject TEXT NOT NULL, headers TEXT NOT NULL, data BLOB NOT NULL,
      reason TEXT NOT NULL, attempts INTEGER NOT NULL, due_at INTEGER NOT NULL,
      PRIMARY KEY (stream, created, sequence)
    ) WITHOUT ROWID;
  `);
}

/** Applies the messages of one stream to one database. */
export class Projector {
  readonly projection: Projection;
  readonly #db: Database;
  readonly #reader: EventReader;
  readonly #checkpoint;
  readonly #position;
  readonly #aside;
  /** The row of the checkpoint, once it is known: it is asked for in every command. */
  #known: StreamPosition | undefined;
  readonly #version: CommittedVersion;
  readonly #tracer: Tracer | undefined;

  constructor(db: Database, projection: Projection, version: CommittedVersion, tracer?: Tracer) {
    this.#version = version;
    this.#tracer = tracer;
    this.#db = db;
    this.projection = projection;
    this.#reader = new EventReader(projection.events);
    this.#position = db.$client.prepare<[string], StreamPosition>(
      'SELECT sequence, created FROM view_checkpoints WHERE stream = ?',
    );
    this.#checkpoint = db.$client.prepare(
      `INSERT INTO view_checkpoints (stream, sequence, created) VALUES (?, ?, ?)
       ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence, created = excluded.created`,
    );
    this.#aside = db.$client.prepare(
      `INSERT OR IGNORE INTO view_aside
         (stream, created, sequence, stored_at, subject, headers, data, reason, attempts, due_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  position(): StreamPosition | undefined {
    this.#known ??= this.#position.get(this.projection.stream);
    return this.#known;
  }

  /**
   * Applies messages in one transaction. A message that cannot be taken is put aside in the same transaction and
   * holds up nothing behind it.
   * @returns what it took
   * @throws what the machine is to blame for (disk full, a broken file): then nothing was applied.
   */
  apply(stored: StoredMessage[], created: string): Applied {
    const spans = this.#tracer ? startSpans(this.#tracer, stored) : [];
    const startedAt = performance.now();
    try {
      this.#applyStored(stored, created);
    } catch (error) {
      for (const span of spans) endSpan(span, error instanceof Error ? error.name : '_OTHER');
      throw error;
    }
    for (const span of spans) endSpan(span);
    return { seconds: (performance.now() - startedAt) / 1000, events: stored.length };
  }

  #applyStored(stored: StoredMessage[], created: string): void {
    try {
      this.#transaction(stored, created);
    } catch (error) {
      this.projection.abandon?.();
      if (isEnvironmental(error) || isCorrupt(error)) throw error;
      // One of them is at fault: alone, each of the others still goes through.
      for (const message of stored) this.#applyAlone(message, created);
    }
  }

  /** Applies one message again that had been put aside, in a transaction of the caller's. Throws where it fails again. */
  retry(message: StoredMessage): void {
    try {
      this.projection.apply(this.#reader.read(message));
      this.projection.finish?.();
    } catch (error) {
      this.projection.abandon?.();
      throw error;
    }
  }

  /** Moves the checkpoint over messages that the filter leaves out. Gives false where it is there already. */
  skipTo(sequence: number, created: string): boolean {
    const position = this.position();
    if (position && position.sequence >= sequence) return false;
    this.#checkpoint.run(this.projection.stream, sequence, created);
    this.#known = { sequence, created };
    return true;
  }

  #transaction(messages: StoredMessage[], created: string): void {
    const { sequence } = messages.at(-1) as StoredMessage;
    const transaction = this.#db.$client.transaction(() => {
      for (const message of messages) {
        const event = this.#read(message, created);
        if (event) this.projection.apply(event);
      }
      this.projection.finish?.();
      this.#checkpoint.run(this.projection.stream, sequence, created);
      this.#version.committing();
    });
    try {
      transaction();
    } finally {
      this.#version.committed();
    }
    this.#known = { sequence, created };
  }

  #read(message: StoredMessage, created: string): StoredEvent | undefined {
    try {
      return this.#reader.read(message);
    } catch (error) {
      if (!(error instanceof UnreadableEvent)) throw error;
      this.#putAside({ message, reason: error.message, final: true }, created);
      return undefined;
    }
  }

  #applyAlone(message: StoredMessage, created: string): void {
    try {
      this.#transaction([message], created);
    } catch (error) {
      this.projection.abandon?.();
      if (isEnvironmental(error) || isCorrupt(error)) throw error;
      this.#db.$client.transaction(() => {
        this.#putAside({ message, reason: messageOf(error), final: error instanceof UnreadableEvent }, created);
        this.#checkpoint.run(this.projection.stream, message.sequence, created);
      })();
      this.#known = { sequence: message.sequence, created };
    }
  }

  #putAside({ message, reason, final }: PutAside, created: string): void {
    const { stream, sequence, storedAt, subject, headers, data } = message;
    const dueAt = final ? never : 0;
    this.#aside.run(stream, created, sequence, storedAt, subject, JSON.stringify(headers), data, reason, 1, dueAt);
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
    const cause = { givenTraceparent: traceparent };
    return [startSpan(tracer, `apply ${stream}`, { kind: SpanKind.CONSUMER, attributes }, cause)];
  });
}

/** Instead of the time when a message is due again: it is not tried any more. Sorts before all times. */
export const never = -1;
