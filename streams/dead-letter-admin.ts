/** Lists, replays and drops dead letters for an operator. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { Link } from '../shared/broker/connection.ts';
import { deadLetterStream } from '../shared/broker/dead-letters.ts';
import { plainHeaders } from '../shared/broker/event-codec.ts';
import { publishOne, WrongLastSequence } from '../shared/broker/publisher.ts';
import { type DeadLetter, deadLetterStored } from '../shared/operations/dead-letter-event.ts';
import { AppError, messageOf } from '../shared/operations/errors.ts';

/** An open dead letter. */
export interface WaitingLetter extends DeadLetter {
  /** Sequence in DEADLETTERS, by which operators name the letter. */
  seq: number;
}

/** How a dead letter was closed. */
export interface Closed {
  seq: number;
  state: 'replayed' | 'dropped';
  at: string;
  subject: string;
  /** Sequence of the replayed message in its stream. */
  sequence?: number;
}

const failed = 'deadletters.*.*.*.failed';
const gone = new Set([10037, 10043, 10057]);
const timeoutMs = 4000;
/** The time of a failure may be from a clock that is this far behind the broker's. */
const clockToleranceMs = 60_000;

/** The message that could not be processed. */
interface Original {
  data: string | Uint8Array;
  headers: Record<string, string>;
}

/** The dead letters of a broker. */
export class DeadLetterAdmin {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Yields all open dead letters, oldest first. */
  async *list(): AsyncGenerator<WaitingLetter> {
    const jsm = await this.#manager();
    for (let next = 1; ; ) {
      const message = await available(jsm.direct.getMessage(deadLetterStream, { seq: next, next_by_subj: failed }));
      if (!message) return;
      yield letterOf(message);
      next = message.seq + 1;
    }
  }

  /** Returns an open dead letter. @throws AppError not_found, whose text says if the letter was closed */
  async get(seq: number): Promise<WaitingLetter> {
    return letterOf(await this.#message(await this.#manager(), seq));
  }

  /**
   * Publishes the original message again, as a new message with the same body and headers, and closes the letter. All
   * readers of the stream receive it. Replaying another reader's letter about the same message publishes nothing within
   * the broker's duplicate window.
   * @throws AppError not_found; conflict when the letter was closed meanwhile or its message is gone; unavailable when
   * the stream does not store it
   */
  async replay(seq: number): Promise<Closed> {
    const jsm = await this.#manager();
    const message = await this.#message(jsm, seq);
    await this.#requireOpen(jsm, message);
    const letter = letterOf(message);
    if (letter.subject === message.subject) throw new AppError('conflict', 'It has no message to replay: drop it.');
    const [, stream, , key] = message.subject.split('.');
    const original = letter.bodyIsInStream ? await this.#original(jsm, letter) : originalOf(letter);
    // The broker's own headers (message id, expectations, batches, schedules) were about the first attempt.
    const kept = Object.entries(original.headers).filter(([name]) => !name.toLowerCase().startsWith('nats-'));
    const headers = {
      ...Object.fromEntries(kept),
      'Nats-Msg-Id': `replay.${stream}.${key}`,
      'Nats-Expected-Stream': letter.stream,
    };
    const replayed = { subject: letter.subject, data: original.data, headers };
    const { seq: sequence } = await publishOne(this.#link, replayed).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.outcome) throw error;
      throw new AppError('unavailable', `${letter.stream} did not store it: ${messageOf(error.cause ?? error)}`);
    });
    return this.#close(jsm, message, { state: 'replayed', sequence });
  }

  /** Closes a letter without publishing its message. @throws AppError as `replay` */
  async drop(seq: number): Promise<Closed> {
    const jsm = await this.#manager();
    return this.#close(jsm, await this.#message(jsm, seq), { state: 'dropped' });
  }

  #manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.#link.nc, { checkAPI: false, timeout: timeoutMs });
  }

  async #message(jsm: JetStreamManager, seq: number): Promise<StoredMsg> {
    const message = await getMessage(jsm, { seq });
    if (message?.subject.endsWith('.failed')) return message;
    // Letters are deleted only when they are closed.
    const { state } = await available(jsm.streams.info(deadLetterStream));
    const isClosed = !message && seq <= state.last_seq;
    const detail = isClosed ? `Dead letter ${seq} was already replayed or dropped.` : `There is no dead letter ${seq}.`;
    throw new AppError('not_found', detail);
  }

  /** Reads a message that was too large for its letter. @throws AppError conflict when the stream does not hold it */
  async #original(jsm: JetStreamManager, { stream, sequence, subject, failedAt }: WaitingLetter): Promise<Original> {
    const message = await available(jsm.streams.getMessage(stream, { seq: sequence }));
    // A stream that was created again or restored has other messages under its sequences: of other subjects, or later.
    const isOriginal =
      message?.subject === subject && message.time.getTime() <= Date.parse(failedAt) + clockToleranceMs;
    if (!isOriginal) throw new AppError('conflict', `Message ${sequence} is no longer in ${stream}.`);
    return { data: message.data, headers: plainHeaders(message.header) };
  }

  /** Finishes an interrupted close of a letter. @throws AppError conflict then, as it must not be replayed again */
  async #requireOpen(jsm: JetStreamManager, { seq, subject }: StoredMsg): Promise<void> {
    const closed = await getMessage(jsm, { last_by_subj: closedSubject(subject) });
    if (!closed) return;
    await deleteMessage(jsm, seq);
    throw new AppError('conflict', `Dead letter ${seq} was already ${closed.json<Closed>().state}.`);
  }

  /** Marks a letter as closed, then deletes it: without the mark, a rebuilt view would send the letter again. */
  async #close(
    jsm: JetStreamManager,
    { seq, subject }: StoredMsg,
    how: Pick<Closed, 'state' | 'sequence'>,
  ): Promise<Closed> {
    const closed = { ...how, at: new Date().toISOString() };
    const expect = { lastSubjectSequence: seq, subject: subject.replace(/\.failed$/, '.*') };
    const mark = { subject: closedSubject(subject), data: JSON.stringify(closed), headers: {}, expect };
    const closedByOther = await publishOne(this.#link, mark).then(
      () => false,
      (error: unknown) => {
        if (error instanceof WrongLastSequence) return true;
        throw error;
      },
    );
    await deleteMessage(jsm, seq);
    if (closedByOther) throw new AppError('conflict', `Dead letter ${seq} was closed by someone else.`);
    return { seq, subject, ...closed };
  }
}

const closedSubject = (subject: string): string => subject.replace(/\.failed$/, '.closed');

/** Decodes a dead letter. One that was published by hand and cannot be read is described as a letter about itself. */
function letterOf({ seq, subject, data, time, header }: StoredMsg): WaitingLetter {
  try {
    return { seq, ...deadLetterStored.payload.parse(JSON.parse(Buffer.from(data).toString())) };
  } catch {
    const [, stream = '', consumer = ''] = subject.split('.');
    const reason = 'This dead letter cannot be read: it was not stored by a service.';
    const itself = { subject, headers: plainHeaders(header), dataBase64: Buffer.from(data).toString('base64') };
    return { seq, stream, consumer, sequence: 0, reason, attempts: 0, failedAt: time.toISOString(), ...itself };
  }
}

function originalOf({ data = '', dataBase64, headers }: DeadLetter): Original {
  return { data: dataBase64 === undefined ? data : Buffer.from(dataBase64, 'base64'), headers };
}

type Query = Parameters<JetStreamManager['streams']['getMessage']>[1];

function getMessage(jsm: JetStreamManager, query: Query): Promise<StoredMsg | null> {
  return available(jsm.streams.getMessage(deadLetterStream, query));
}

async function deleteMessage(jsm: JetStreamManager, seq: number): Promise<void> {
  try {
    await jsm.streams.deleteMessage(deadLetterStream, seq);
  } catch (error) {
    // Someone else has deleted it.
    if (!(error instanceof JetStreamApiError) || !gone.has(error.code)) await available(Promise.reject(error));
  }
}

async function available<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw new AppError('unavailable', `DEADLETTERS is not available: ${messageOf(error)}`, { cause: error });
  }
}
