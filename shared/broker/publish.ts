/** Storing messages in streams: alone or as an atomic batch, with expectations, and the broker's codes as our errors. */
import { type ApiError, JetStreamApiError, type PubAck } from '@nats-io/jetstream';
import { errors, type MsgHdrs } from '@nats-io/nats-core';
import { AppError, type ErrorOptions } from '../operations/errors.ts';
import { ConnectionLost, type Link } from './connection.ts';
import { type OutgoingMessage, toHeaders } from './event-codec.ts';

/** Another writer was first: what the decision was based on is no longer the last state. Decide again. */
export class WrongLastSequence extends Error {
  override readonly name = 'WrongLastSequence';
}

/** The broker is connected and did not store a message. Another would not fare better: it is not for what it holds. */
export class NotStored extends AppError {
  constructor(detail: string, options: Omit<ErrorOptions, 'fields'> = {}) {
    super('unavailable', detail, options);
  }
}

export type MessageToStore = Pick<OutgoingMessage, 'subject' | 'headers' | 'expect'> & { data: string | Uint8Array };

const wrongLastSequence = new Set([10070, 10071, 10164]);
/** A limit of the account, not of the message, though its status is 400. */
const accountFull = 10002;
const timeoutMs = 4000;

/**
 * Stores one message, and gives up on the broker after 4 seconds.
 * @throws WrongLastSequence when its expectation does not hold.
 * @throws AppError unavailable; with `outcome: 'unknown'` when it may have been stored all the same.
 */
export async function publishOne(
  { js, unlessLost }: Link,
  { subject, data, ...message }: MessageToStore,
): Promise<PubAck> {
  try {
    return await unlessLost(js.publish(subject, data, { headers: headersOf(message), timeout: timeoutMs }));
  } catch (error) {
    // Only "nobody listens" and a refusal say for sure that nothing was stored. What is wrong is sometimes in the cause, and
    // the client does not export the class around it.
    for (const reason of [error, error instanceof Error ? error.cause : undefined]) {
      if (reason instanceof JetStreamApiError) throw refusal(reason.apiError());
      if (reason instanceof errors.RequestError && reason.isNoResponders()) {
        throw new NotStored('The stream is not available at the moment.');
      }
    }
    const unconfirmed = 'The broker did not confirm in time; it may have been stored. A repeat is safe.';
    const options = { outcome: 'unknown', cause: error } as const;
    if (error instanceof errors.TimeoutError) throw new NotStored(unconfirmed, options);
    if (error instanceof ConnectionLost) throw new AppError('unavailable', unconfirmed, options);
    throw error;
  }
}

/**
 * Stores all messages or none, in one transaction of the broker, one behind the other. The client's own batches lose the
 * broker's code when one is refused.
 * @returns the sequence of the last. Errors as `publishOne`.
 */
export async function publishBatch(link: Link, messages: MessageToStore[]): Promise<number> {
  const id = crypto.randomUUID();
  const all = messages.map((message, index) => {
    const batch = { 'Nats-Batch-Id': id, 'Nats-Batch-Sequence': String(index + 1) };
    return { ...message, headers: { ...message.headers, ...batch } };
  });
  const last = all.pop();
  if (!last) throw new Error('a batch needs a message');
  for (const { subject, data, ...message } of all) link.nc.publish(subject, data, { headers: headersOf(message) });
  return (await publishOne(link, { ...last, headers: { ...last.headers, 'Nats-Batch-Commit': '1' } })).seq;
}

function refusal(error: ApiError): Error {
  if (wrongLastSequence.has(error.err_code)) return new WrongLastSequence(error.description);
  const cause = new Error(`${error.err_code}: ${error.description}`);
  const cannotStore = error.code >= 500 || error.code === 408 || error.err_code === accountFull;
  if (cannotStore) return new NotStored('The broker cannot store at the moment.', { cause });
  return new AppError('unavailable', 'The broker refused to store this.', { cause });
}

function headersOf({ headers, expect }: Pick<MessageToStore, 'headers' | 'expect'>): MsgHdrs {
  if (!expect) return toHeaders(headers);
  const { lastSubjectSequence, subject } = expect;
  return toHeaders({
    ...headers,
    'Nats-Expected-Last-Subject-Sequence': String(lastSubjectSequence),
    ...(subject ? { 'Nats-Expected-Last-Subject-Sequence-Subject': subject } : {}),
  });
}
