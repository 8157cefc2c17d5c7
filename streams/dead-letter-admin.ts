/** What an operator does with dead letters: look at them, replay or drop them. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { Link } from '../shared/broker/connection.ts';
import { deadLetterStream } from '../shared/broker/dead-letters.ts';
import { plainHeaders } from '../shared/broker/event-codec.ts';
import { publishOne, WrongLastSequence } from '../shared/broker/publisher.ts';
import type { DeadLetter } from '../shared/operations/dead-letter-event.ts';
import { AppError, messageOf } from '../shared/operations/errors.ts';

/** A dead letter that waits; `seq` is its sequence in DEADLETTERS, by which it is named. */
export interface WaitingLetter extends DeadLetter {
  seq: number;
}

/** How a letter was closed. `sequence` is that of the replayed message in its stream. */
export interface Closed {
  seq: number;
  state: 'replayed' | 'dropped';
  at: string;
  subject: string;
  sequence?: number;
}

const failed = 'deadletters.*.*.*.failed';
const gone = new Set([10037, 10043, 10057]);
const timeoutMs = 4000;

/** What could not be taken. */
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

  /** All that wait, oldest first. */
  async *list(): AsyncGenerator<WaitingLetter> {
    const jsm = await this.#manager();
    for (let next = 1; ; ) {
      const message = await available(jsm.direct.getMessage(deadLetterStream, { seq: next, next_by_subj: failed }));
      if (!message) return;
      yield letterOf(message);
      next = message.seq + 1;
    }
  }

  /** @throws AppError not_found where no letter waits under this number; it says whether one did. */
  async get(seq: number): Promise<WaitingLetter> {
    return letterOf(await this.#message(await this.#manager(), seq));
  }

  /**
   * Publishes the original message again, as a new fact with the same body and headers, and closes the letter. Every
   * reader of the stream gets it. Letters of other readers about the same message replay it no second time within the
   * broker's duplicate window.
   * @throws AppError not_found, conflict where it was closed meanwhile, or unavailable where the stream cannot take it.
   */
  async replay(seq: number): Promise<Closed> {
    const jsm = await this.#manager();
    const message = await this.#message(jsm, seq);
    await this.#requireOpen(jsm, message);
    const letter = letterOf(message);
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
      throw new AppError('unavailable', `${letter.stream} does not take it: ${messageOf(error.cause ?? error)}`);
    });
    return this.#close(jsm, message, { state: 'replayed', sequence });
  }

  /** Closes a letter without doing anything about it. @throws AppError as `replay`. */
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
    // Only letters that are closed are deleted.
    const { state } = await available(jsm.streams.info(deadLetterStream));
    const isClosed = !message && seq <= state.last_seq;
    const detail = isClosed ? `Dead letter ${seq} was replayed or dropped already.` : `There is no dead letter ${seq}.`;
    throw new AppError('not_found', detail);
  }

  /** What is too large for its letter. @throws AppError not_found where the stream has lost it. */
  async #original(jsm: JetStreamManager, { stream, sequence }: WaitingLetter): Promise<Original> {
    const message = await available(jsm.streams.getMessage(stream, { seq: sequence }));
    if (!message) throw new AppError('not_found', `Message ${sequence} is no longer in ${stream}.`);
    return { data: message.data, headers: plainHeaders(message.header) };
  }

  /** A letter whose closing was cut short is closed to the end, and must not be replayed once more. */
  async #requireOpen(jsm: JetStreamManager, { seq, subject }: StoredMsg): Promise<void> {
    const closed = await getMessage(jsm, { last_by_subj: closedSubject(subject) });
    if (!closed) return;
    await deleteMessage(jsm, seq);
    throw new AppError('conflict', `Dead letter ${seq} was ${closed.json<Closed>().state} already.`);
  }

  /** The mark comes first: without it a rebuilt view would make the letter again. */
  async #close(
    jsm: JetStreamManager,
    { seq, subject }: StoredMsg,
    how: Pick<Closed, 'state' | 'sequence'>,
  ): Promise<Closed> {
    const closed = { ...how, at: new Date().toISOString() };
    const expect = { lastSubjectSequence: seq, subject: subject.replace(/\.failed$/, '.*') };
    const mark = { subject: closedSubject(subject), data: JSON.stringify(closed), headers: {}, expect };
    const byOther = await publishOne(this.#link, mark).then(
      () => false,
      (error: unknown) => {
        if (error instanceof WrongLastSequence) return true;
        throw error;
      },
    );
    await deleteMessage(jsm, seq);
    if (byOther) throw new AppError('conflict', `Dead letter ${seq} was closed by someone else.`);
    return { seq, subject, ...closed };
  }
}

const closedSubject = (subject: string): string => subject.replace(/\.failed$/, '.closed');

function letterOf(message: StoredMsg): WaitingLetter {
  return { seq: message.seq, ...message.json<DeadLetter>() };
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
    // Someone else was first.
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
