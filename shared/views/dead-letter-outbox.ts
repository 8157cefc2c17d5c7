/** Messages that a projection could not take: tried again a few times, then sent to DEADLETTERS. */
import type { Connection } from '../broker/connection.ts';
import { maxAttempts, sendDeadLetter } from '../broker/dead-letters.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { messageOf } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import type { CommittedVersion } from './cache.ts';
import type { Database } from './database.ts';
import { isCorrupt, isEnvironmental } from './database.ts';
import { never, type Projector } from './projection.ts';

interface AsideRow {
  stream: string;
  created: string;
  sequence: number;
  stored_at: number;
  subject: string;
  headers: string;
  data: Uint8Array;
  reason: string;
  attempts: number;
}

interface DeadLetterOutboxOptions {
  db: Database;
  projectors: Projector[];
  /** The reader's name in the subject of its dead letters. */
  consumer: string;
  connection: Connection;
  log: Logger;
  version: CommittedVersion;
  /** A message of this stream has been applied after all. */
  applied(projector: Projector): void;
  /** A message has gone to DEADLETTERS. */
  deadLettered(stream: string): void;
}

const firstDelayMs = 200;

/**
 * The waiting room of a view. It is a table of the view itself, written in the transaction that moves the checkpoint
 * past the message: a message put aside is never forgotten, whatever is killed.
 */
export class DeadLetterOutbox implements Disposable {
  readonly #options: DeadLetterOutboxOptions;
  readonly #due;
  readonly #postpone;
  readonly #remove;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #disposed = false;

  constructor(options: DeadLetterOutboxOptions) {
    this.#options = options;
    const { db } = options;
    this.#due = db.$client.prepare<[], AsideRow & { due_at: number }>(
      'SELECT * FROM view_aside ORDER BY due_at LIMIT 1',
    );
    this.#postpone = db.$client.prepare(
      'UPDATE view_aside SET attempts = ?, due_at = ?, reason = ? WHERE stream = ? AND created = ? AND sequence = ?',
    );
    this.#remove = db.$client.prepare('DELETE FROM view_aside WHERE stream = ? AND created = ? AND sequence = ?');
  }

  /** Looks for messages that are due. Cheap when there are none. */
  wake(): void {
    if (!this.#busy && !this.#disposed) void this.#run();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#busy = true;
    clearTimeout(this.#timer);
    try {
      while (!this.#disposed) {
        const row = this.#due.get();
        if (!row) return;
        const wait = row.due_at - Date.now();
        if (wait > 0) return this.#wakeIn(wait);
        // Versions before this one wrote as many attempts instead of `never`.
        if (row.due_at !== never && row.attempts < maxAttempts) this.#retry(row);
        else await this.#bury(row);
      }
    } catch (error) {
      // The broker or the disk is away. Nothing is lost: the row stays.
      if (!this.#disposed) this.#options.log.warn({ reason: messageOf(error) }, 'a dead letter cannot be sent yet');
      this.#wakeIn(1000);
    } finally {
      this.#busy = false;
    }
  }

  #wakeIn(ms: number): void {
    if (!this.#disposed) this.#timer = setTimeout(() => this.wake(), Math.min(ms, 60_000));
  }

  #retry(row: AsideRow): void {
    const projector = this.#options.projectors.find(({ projection }) => projection.stream === row.stream);
    try {
      this.#options.db.$client.transaction(() => {
        projector?.retry(messageFrom(row));
        this.#remove.run(row.stream, row.created, row.sequence);
        this.#options.version.committing();
      })();
    } catch (error) {
      // It may be the end of the transaction that failed.
      projector?.projection.abandon?.();
      if (isEnvironmental(error) || isCorrupt(error)) throw error;
      const attempts = row.attempts + 1;
      const dueAt = Date.now() + firstDelayMs * 4 ** (attempts - 1);
      const { stream, created, sequence } = row;
      this.#postpone.run(
        attempts,
        attempts >= maxAttempts ? never : dueAt,
        messageOf(error),
        stream,
        created,
        sequence,
      );
      return;
    } finally {
      this.#options.version.committed();
    }
    if (projector) this.#options.applied(projector);
  }

  async #bury(row: AsideRow): Promise<void> {
    const { connection, consumer, log } = this.#options;
    await sendDeadLetter(connection.link, {
      message: messageFrom(row),
      created: row.created,
      consumer,
      reason: row.reason,
      attempts: row.attempts,
    });
    this.#options.deadLettered(row.stream);
    log.error({ stream: row.stream, sequence: row.sequence, reason: row.reason }, 'a message went to DEADLETTERS');
    if (!this.#disposed) this.#remove.run(row.stream, row.created, row.sequence);
  }
}

function messageFrom(row: AsideRow): StoredMessage {
  return {
    stream: row.stream,
    subject: row.subject,
    sequence: row.sequence,
    storedAt: row.stored_at,
    headers: JSON.parse(row.headers) as Record<string, string>,
    data: row.data,
  };
}
