/** Replies on their way back, as many in one message as are ready and fit. */
import type { ServiceMsg } from '@nats-io/services';
import { Batcher } from '../broker/batcher.ts';
import { AppError, toProblem } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { encodeReplies, type ReplyEntry } from './wire-format.ts';

/** Below what the broker takes in one message (1 MiB), with room for the index and headers. */
const maxBytes = 900_000;

/** Bytes of a text as it is sent. Three a code unit is the most that UTF-8 takes: a small text is not measured. */
function sizeOf(text: string): number {
  const most = text.length * 3;
  return most < maxBytes / 4 ? most : Buffer.byteLength(text);
}

/** @throws AppError too_large where a body does not fit in a message. */
export function requireFitting(body: string): void {
  if (sizeOf(body) > maxBytes)
    throw new AppError('too_large', 'The answer does not fit in a message: use a lower limit.');
}

/** The reply to a request that was refused. */
export function problemReply(id: number, error: AppError): ReplyEntry {
  return { id, status: error.status, body: JSON.stringify(toProblem(error)) };
}

/**
 * The replies to the requests of one message. What is ready in one turn of the event loop goes out together; a message that
 * is full goes out at once, so that encoding it counts as work of the job that filled it.
 */
export class ReplyBatch extends Batcher<ReplyEntry> {
  constructor(message: ServiceMsg, replica: string, log: Logger) {
    const run = (replies: ReplyEntry[]): void => {
      try {
        message.respond(encodeReplies(replies, replica));
      } catch (error) {
        // Such as for a connection that was closed. Thrown at the end of a turn, it would end the process.
        log.error({ err: error }, 'answers cannot be sent');
      }
    };
    super({ run, maxBytes, sizeOf: ({ body }) => sizeOf(body) });
  }
}
