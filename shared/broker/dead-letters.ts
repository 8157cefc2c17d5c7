/** Dead letters: what a projection or worker could not take, kept with its reason for an operator. */
import { jetstreamManager } from '@nats-io/jetstream';
import { type DeadLetter, deadLetterStored } from '../operations/dead-letter-event.ts';
import { now } from '../process/clock.ts';
import type { Connection } from './connection.ts';
import { encodeEvent, type StoredMessage, textOf } from './event-codec.ts';
import { publishOne, WrongLastSequence } from './publisher.ts';

export const deadLetterStream = 'DEADLETTERS';

/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxLetterBytes = 1_000_000;
const maxReasonLength = 1000;

type Sender = Pick<Connection, 'link' | 'name' | 'sites'>;

interface Failure {
  message: StoredMessage;
  /** Creation time of the stream: tells apart equal sequences of a stream that was made again. */
  created: string;
  reason: string;
  attempts: number;
}

/**
 * Stores a dead letter, once: the same failure of the same message at another replica, or at a rebuild years later,
 * adds nothing, also after an operator has closed it.
 * @throws AppError unavailable when it could not be stored.
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
  // A restored stream has its old messages, and their old dead letters.
  const epoch = Math.floor(Date.parse(created.split(' ')[0] as string) / 1000).toString(36);
  const tokens = { stream, consumer: name, message: `${epoch}-${sequence}` };
  const id = `deadletters.${stream}.${name}.${tokens.message}`;
  const origin = { site: sites.site, source: name };
  // `.failed` holds the letter, `.closed` says that it was handled.
  const options = { id, expect: { lastSubjectSequence: 0, subject: `${id}.*` } };
  try {
    await publishOne(link, encodeEvent(deadLetterStored, tokens, fitting(letter), origin, options));
  } catch (error) {
    // It is there already, or was closed.
    if (!(error instanceof WrongLastSequence)) throw error;
  }
}

/** One that does not fit in a message goes without its body, which its stream still has. */
function fitting(letter: DeadLetter): DeadLetter {
  if (Buffer.byteLength(JSON.stringify(letter)) <= maxLetterBytes) return letter;
  const { data: _, dataBase64: __, ...rest } = letter;
  return { ...rest, reason: letter.reason.slice(0, maxReasonLength), headers: {}, bodyIsInStream: true };
}

/** Number of dead letters of a service that wait for an operator; null when the broker does not say. */
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
