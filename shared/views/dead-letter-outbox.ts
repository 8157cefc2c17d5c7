/** The outbox of a view: messages that a projection could not apply and that still have to be sent to DEADLETTERS. */
import { sendDeadLetter } from '../broker/dead-letters.ts';
import type { StoredMessage } from '../broker/event-codec.ts';
import { messageOf } from '../operations/errors.ts';
import type { Database } from './database.ts';
import type { ViewContext } from './view-client.ts';

type OutboxRow = Omit<StoredMessage, 'headers'> & Record<'created' | 'headers' | 'reason', string>;

const retryMs = 1000;

/** Returns a function that adds a message to the outbox, for the transaction that moves the checkpoint past it. */
export function prepareOutbox(db: Database) {
  const insert = db.$client.prepare('INSERT OR IGNORE INTO view_outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  return (message: StoredMessage, created: string, reason: string): void => {
    const { stream, sequence, storedAt, subject, headers, data } = message;
    insert.run(stream, created, sequence, storedAt, subject, JSON.stringify(headers), data, reason);
  };
}

/** Sends the messages in a view's outbox when woken. Rows are deleted after the broker stored them, so none is lost. */
export function outboxOf({ $client: client }: Database, { connection, log, post }: ViewContext) {
  const next = client.prepare<[], OutboxRow>('SELECT *, stored_at AS storedAt FROM view_outbox LIMIT 1');
  const remove = client.prepare('DELETE FROM view_outbox WHERE stream = ? AND created = ? AND sequence = ?');
  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  let disposed = false;

  const send = async ({ created, reason, ...row }: OutboxRow): Promise<void> => {
    const { stream, sequence } = row;
    const message = { ...row, headers: JSON.parse(row.headers) as Record<string, string> };
    await sendDeadLetter(connection, { message, created, reason, attempts: 1 });
    log.error({ stream, sequence, reason }, 'a message was sent to DEADLETTERS');
    post({ kind: 'deadLettered', stream });
    if (!disposed) remove.run(stream, created, sequence);
  };
  const wake = async (): Promise<void> => {
    if (busy || disposed) return;
    busy = true;
    clearTimeout(timer);
    try {
      for (let row = next.get(); row; row = disposed ? undefined : next.get()) await send(row);
    } catch (error) {
      if (disposed) return;
      // The broker or the disk failed. The row stays for the next attempt.
      log.warn({ reason: messageOf(error) }, 'sending a dead letter failed; retrying');
      timer = setTimeout(wake, retryMs);
    } finally {
      busy = false;
    }
  };
  return {
    wake: () => void wake(),
    [Symbol.dispose]() {
      disposed = true;
      clearTimeout(timer);
    },
  };
}
