/** Dead letters: what a projection or worker could not take, kept with its reason for an operator. */
import { jetstreamManager } from '@nats-io/jetstream';
import type { DeadLetter } from '../operations/dead-letter-event.ts';
import { now } from '../process/clock.ts';
import type { Connection, Link } from './connection.ts';
import { type StoredMessage, textOf } from './event-codec.ts';
import { publishOne, WrongLastSequence } from './publish.ts';

export const deadLetterStream = 'DEADLETTERS';

/** After as many failures a message goes to DEADLETTERS. */
export const maxAttempts = 4;

/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxLetterBytes = 1_000_000;
const maxReasonLength = 1000;

interface Failure {
  message: StoredMessage;
  /** Creation time of the stream: tells apart equal sequences of a stream that was made again. */
  created: string;
  consumer: string;
  reason: string;
  attempts: number;
}

/** `deadletters.{stream}.{consumer}.{message}`: one failure; `.failed` holds the letter, `.closed` that it was handled. */
export function deadLetterSubject(stream: string, consumer: string, created: string, sequence: number): string {
  // A restored stream has its old messages, and their old dead letters.
  const epoch = Math.floor(Date.parse(created.split(' ')[0] as string) / 1000).toString(36);
  return `deadletters.${stream}.${consumer}.${epoch}-${sequence}`;
}

/**
 * Stores a dead letter, once: the same failure of the same message at another replica, or at a rebuild years later,
 * adds nothing, also after an operator has closed it.
 * @throws AppError unavailable when it could not be stored.
 */
export async function sendDeadLetter(link: Link, failure: Failure): Promise<void> {
  const { message, consumer, created } = failure;
  const data = textOf(message.data);
  const subject = deadLetterSubject(message.stream, consumer, created, message.sequence);
  const letter: DeadLetter = {
    stream: message.stream,
    consumer,
    sequence: message.sequence,
    subject: message.subject,
    reason: failure.reason,
    attempts: failure.attempts,
    failedAt: new Date(now()).toISOString(),
    headers: message.headers,
    ...(data === undefined ? { dataBase64: Buffer.from(message.data).toString('base64') } : { data }),
  };
  const headers = {
    'ce-specversion': '1.0',
    'ce-type': 'marquee.deadletter.failed.v1',
    'ce-source': `/marquee/${consumer}`,
    'ce-id': subject,
    'ce-time': letter.failedAt,
  };
  const expect = { lastSubjectSequence: 0, subject: `${subject}.*` };
  try {
    await publishOne(link, { subject: `${subject}.failed`, data: fitting(letter), headers, expect });
  } catch (error) {
    // It is there already, or was closed.
    if (!(error instanceof WrongLastSequence)) throw error;
  }
}

/** The text of a letter. One that does not fit in a message goes without its body, which its stream still has. */
function fitting(letter: DeadLetter): string {
  const text = JSON.stringify(letter);
  if (Buffer.byteLength(text) <= maxLetterBytes) return text;
  const { data: _, dataBase64: __, headers: ___, ...rest } = letter;
  const reason = letter.reason.slice(0, maxReasonLength);
  return JSON.stringify({ ...rest, reason, headers: {}, bodyIsInStream: true } satisfies DeadLetter);
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
