/** The messages of a stream in order: those in the archive, then those in the stream, then those to come. */
import { addAbortListener } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AckPolicy, type ConsumerMessages, DeliverPolicy, ReplayPolicy, type StreamInfo } from '@nats-io/jetstream';
import { nanos, nuid } from '@nats-io/nats-core';
import { type Archive, messagesOf, requireCurrent, segmentsFrom } from './archive.ts';
import type { Link } from './connection.ts';
import { patternOf, type StoredMessage, storedMessage } from './event-codec.ts';

export interface Reading {
  /** What the stream is, and held when it was looked at. */
  info: StreamInfo;
  from: number;
  filter: string;
  /** What the name of the consumer begins with. */
  name: string;
  /** Where old messages are moved to, also while they are read. */
  archive?: Archive | undefined;
  ended: AbortSignal;
  /** Takes a message; `pending` are behind it. Returns whether to go on. */
  take(message: StoredMessage, pending: number): boolean;
  /** So many messages are in the stream: reading of them begins. */
  begin(pending: number): void;
}

const inactiveMs = 30_000;
const heartbeatMs = 2000;
/** Archived messages between which others get their turn. */
const atOnce = 500;
/**
 * Messages on their way, and their bytes: all that the connection is used for waits behind them, such as the readers of other
 * streams, for as long as it takes to apply them.
 */
const mostMessages = 4000;
const mostBytes = 2_000_000;

/** Reads until the signal, or until a message is not taken. @throws where reading has to begin again */
export async function readMessages(link: Link, reading: Reading): Promise<void> {
  const { archive } = reading;
  const from = Math.max(reading.from, reading.info.state.first_seq);
  const goOn = !archive || from === reading.from || (await readArchived(link, reading, archive, from));
  if (goOn) await readStored(link, { ...reading, from });
}

async function readArchived({ jsm }: Link, reading: Reading, archive: Archive, before: number): Promise<boolean> {
  const { info, from, filter, ended, take } = reading;
  const pattern = patternOf(filter);
  for await (const segment of segmentsFrom(jsm, archive, from)) {
    if (segment.first >= before) break;
    for (const [index, message] of (await messagesOf(segment, info.config.name)).entries()) {
      const { sequence, subject } = message;
      if (index % atOnce === 0) await nextTurn();
      if (ended.aborted) return false;
      if (sequence < from || sequence >= before || !pattern.test(subject)) continue;
      if (!take(message, Math.max(1, info.state.last_seq - sequence))) return false;
    }
  }
  return true;
}

async function readStored(link: Link, reading: Reading): Promise<void> {
  const { js, jsm } = link;
  const { info, from, filter, name, archive, ended, take, begin } = reading;
  const stream = info.config.name;
  const consumerInfo = await jsm.consumers.add(stream, {
    // With a name the filter is part of the request's subject, where the broker's permissions can see it.
    name: `${name}-${nuid.next()}`,
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: from,
    replay_policy: ReplayPolicy.Instant,
    filter_subject: filter,
    inactive_threshold: nanos(inactiveMs),
    mem_storage: true,
    num_replicas: 1,
  });
  const { bytes, messages: stored } = info.state;
  begin(consumerInfo.num_pending);
  const messages = await js.consumers.getConsumerFromInfo(consumerInfo).consume({
    max_messages: Math.min(mostMessages, Math.ceil((mostBytes * stored) / bytes) || mostMessages),
    idle_heartbeat: heartbeatMs,
    expires: 10_000,
    abort_on_missing_resource: true,
  });
  // `stop`, not `close`: closing inside the iterator waits for itself.
  using _ = addAbortListener(ended, () => messages.stop());
  void endWithConsumer(messages, () => jsm.consumers.info(stream, consumerInfo.name));
  try {
    let delivered = 0;
    let next = from;
    for await (const message of messages) {
      // A gap in the delivery sequence is a lost message; gaps of the stream sequence are normal, unless they are archived.
      if (message.info.deliverySequence !== ++delivered) throw new Error('a message was lost on the way');
      if (archive && message.seq > next) {
        // Moved meanwhile; or a copy was made anew while its home archived, and lacks what was removed before it was copied.
        if (info.config.mirror) await requireCurrent(jsm, archive, message.seq);
        if (!(await readArchived(link, { ...reading, from: next }, archive, message.seq))) break;
      }
      next = message.seq + 1;
      if (!take(storedMessage(message), message.info.pending)) break;
    }
  } finally {
    messages.stop();
    // The consumer is left to end by itself: the right to delete one would be a right to delete those of others.
  }
}

/** A lost broker of several may have had the consumer. The others know of it, and wait for that broker: the client waits with them. */
async function endWithConsumer(messages: ConsumerMessages, ask: () => Promise<unknown>): Promise<void> {
  for await (const { type } of messages.status()) {
    if (type === 'heartbeats_missed') await ask().catch((error: Error) => messages.stop(error));
  }
}
