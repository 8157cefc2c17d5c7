/** Messages that a projection could not take, on their way to DEADLETTERS. */
import { sendDeadLetter } from '../broker/dead-letters.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { messageOf } from '../operations/errors.ts';
import type { Database } from './database.ts';
import type { KeptView } from './kept-view.ts';

interface OutboxRow {
  stream: string;
  created: string;
  sequence: number;
  stored_at: number;
  subject: string;
  headers: string;
  data: Uint8Array;
  reason: string;
}

const tryAgainMs = 1000;

/** Makes the table where it is missing. */
export function createOutbox(db: Database): void {
  db.$client.exec(`
    CREATE TABLE IF NOT EXISTS view_outbox (
      stream TEXT NOT NULL, created TEXT NOT NULL, sequence INTEGER NOT NULL, stored_at INTEGER NOT NULL,
      subject TEXT NOT NULL, headers TEXT NOT NULL, data BLOB NOT NULL, reason TEXT NOT NULL,
      PRIMARY KEY (stream, created, sequence)
    ) WITHOUT ROWID;
  `);
}

/** Prepares what puts a message into the outbox, in the transaction that moves the checkpoint past it. */
export function prepareOutbox(db: Database) {
  const insert = db.$client.prepare('INSERT OR IGNORE INTO view_outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  return (message: StoredMessage, created: string, reason: string): void => {
    const { stream, sequence, storedAt, subject, headers, data } = message;
    insert.run(stream, created, sequence, storedAt, subject, JSON.stringify(headers), data, reason);
  };
}

/** Sends what is in the outbox of a view, and removes it. No message is forgotten, whatever is killed. */
export class DeadLetterOutbox implements Disposable {
  readonly #view: KeptView;
  readonly #next;
  readonly #remove;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  #disposed = false;

  constructor({ $client: client }: Database, view: KeptView) {
    this.#view = view;
    this.#next = client.prepare<[], OutboxRow>('SELECT * FROM view_outbox LIMIT 1');
    this.#remove = client.prepare('DELETE FROM view_outbox WHERE stream = ? AND created = ? AND sequence = ?');
  }

  /** Sends what there is. */
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
        const row = this.#next.get();
        if (!row) return;
        await this.#send(row);
      }
    } catch (error) {
      if (this.#disposed) return;
      // The broker or the disk is away. Nothing is lost: the row stays.
      this.#view.log.warn({ reason: messageOf(error) }, 'a dead letter cannot be sent yet');
      this.#timer = setTimeout(() => this.wake(), tryAgainMs);
    } finally {
      this.#busy = false;
    }
  }

  async #send(row: OutboxRow): Promise<void> {
    const { connection, log, tell } = this.#view;
    const { stream, created, sequence, subject, data, reason } = row;
    const headers = JSON.parse(row.headers) as Record<string, string>;
    const message = { stream, sequence, subject, data, headers, storedAt: row.stored_at };
    await sendDeadLetter(connection, { message, created, reason, attempts: 1 });
    log.error({ stream, sequence, reason }, 'a message went to DEADLETTERS');
    tell({ kind: 'deadLettered', stream });
    if (!this.#disposed) this.#remove.run(stream, created, sequence);
  }
}
