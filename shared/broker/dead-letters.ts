/** Dead letters: messages that a projection or worker could not process, stored with the reason for an operator. */
import { jetstreamManager } from '@nats-io/jetstream';
import { type DeadLetter, deadLetterStored } from '../operations/dead-letter-event.ts';
import { now } from '../process/clock.ts';
import type { Connection } from './connection.ts';
import { encodeEvent, type StoredMessage, textOf } from './event-codec.ts';
import { publishOne, WrongLastSequence } from './publisher.ts';

export const deadLetterStream = 'DEADLETTERS';

/** Limit for the body of a letter: below the broker's maximum payload (1 MiB), with room for headers. */
const maxLetterBytes = 1_000_000;
const maxReasonLength = 1000;

type Sender = Pick<Connection, 'link' | 'name' | 'sites'>;

interface Failure {
  message: StoredMessage;
  /** Creation time of the stream, which distinguishes equal sequences of different stream incarnations. */
  created: string;
  reason: string;
  attempts: number;
}

/**
 * Stores a dead letter once: when the same message fails at another replica, or in a rebuild years later, nothing is
 * added, even if an operator has closed the letter since.
 * @throws AppError unavailable when the letter could not be stored
 */
export async function sendDeadLetter({ link, name, sites }: Sender, failure: Failure): Promise<void> {
  const { message, created, reason, attempts } = failure;
  const { stream, sequence, subject, headers } = message;
  const data = textOf(message.data);
  const letter: DeadLetter = {
    stream,
    consumer: name,
    sequence,
    subject,
    reason,
    attempts,
    failedAt: new Date(now()).toISOString(),
    headers,
    ...(data === undefined ? { dataBase64: Buffer.from(message.data).toString('base64') } : { data }),
  };
  // The creation time only: a restored stream has the same messages, and so the same dead letters.
  const epoch = Math.floor(Date.parse(created.split(' ')[0] as string) / 1000).toString(36);
  const tokens = { stream, consumer: name, message: `${epoch}-${sequence}` };
  const id = `deadletters.${stream}.${name}.${tokens.message}`;
  const origin = { site: sites.site, source: name };
  // The subject ends in `.failed` for the letter, and in `.closed` for the mark that it was closed.
  const options = { id, expect: { lastSubjectSequence: 0, subject: `${id}.*` } };
  try {
    await publishOne(link, encodeEvent(deadLetterStored, tokens, fitting(letter), origin, options));
  } catch (error) {
    // The letter was stored or closed before.
    if (!(error instanceof WrongLastSequence)) throw error;
  }
}

/** Returns the letter, without its body when it is too large for one message. The stream still has the body. */
function fitting(letter: DeadLetter): DeadLetter {
  if (Buffer.byteLength(JSON.stringify(letter)) <= maxLetterBytes) return letter;
  const { data: _, dataBase64: __, ...rest } = letter;
  return { ...rest, reason: letter.reason.slice(0, maxReasonLength), headers: {}, bodyIsInStream: true };
}

/** Counts the open dead letters of a service; null when the broker does not answer. */
export async function countDeadLetters(connection: Connection, consumer: string): Promise<number | null> {
  if (!connection.connected) return null;
  try {
    const jsm = await jetstreamManager(connection.link.nc, { checkAPI: false, timeout: 1000 });
    const filter = `deadletters.*.${consumer}.*.failed`;
    const info = await jsm.streams.info(deadLetterStream, { subjects_filter: filter });
    return Object.keys(info.state.subjects ?? {}).length;
  } catch {
    return null;
  }
}
