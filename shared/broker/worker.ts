/**
 * Work that must be done for every event of a type, by one replica of a service: a durable pull consumer that the
 * replicas share. A message is delivered again until its work is done, so the work must be such that doing it twice
 * is the same as once.
 */
import { addAbortListener } from 'node:events';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { AckPolicy, DeliverPolicy, JetStreamApiError, ReplayPolicy } from '@nats-io/jetstream';
import { nanos, type Subscription } from '@nats-io/nats-core';
import { endSpan, messaging, SpanKind, startSpan, traceparentOf } from '../observe/telemetry.ts';
import { AppError, messageOf } from '../operations/errors.ts';
import { type EventType, filterOf } from '../operations/event.ts';
import { currentOrigin, Origin } from '../process/trace-context.ts';
import type { Connection, Link } from './connection.ts';
import { consume, consumerLimits } from './consumers.ts';
import { sendDeadLetter } from './dead-letters.ts';
import { EventReader, type StoredEvent, storedMessage, UnreadableEvent } from './event-codec.ts';
import { streamIdentity } from './stream-identity.ts';
import { keepRunning } from './supervisor.ts';

export interface WorkerOptions {
  /** Name of the consumer: replicas with the same name share the work. */
  durable: string;
  event: EventType;
  /** Of the service: its dead letters are counted under its name. */
  connection: Connection;
  /**
   * Does the work. A throw means again later: without end for AppError unavailable (broker or view away), otherwise
   * four times, and then the event goes to DEADLETTERS.
   * @param deadline milliseconds since 1970 after which another replica may begin the same work
   */
  handle(event: StoredEvent, deadline: number): Promise<void>;
  /** Milliseconds after which a message is taken to be lost with its replica. */
  ackWaitMs?: number;
}

/** Messages in hand at once, in one replica. */
const concurrency = 32;
/** After as many failures a message goes to DEADLETTERS. */
const maxAttempts = 4;
const firstDelayMs = 200;
const longestDelayMs = 15_000;

const consumerExists = 10148;
/** Nothing comes any more from a broker that does not answer. */
const drainWithinMs = 1000;

/** Takes messages until it is disposed; then finishes what is in hand and gives back the rest. */
export class Worker implements AsyncDisposable {
  readonly #options: WorkerOptions;
  readonly #reader: EventReader;
  readonly #ackWaitMs: number;
  readonly #inHand = new Set<Promise<void>>();
  /** Failures of a message at this replica, by sequence. The broker's count has lost and given back ones in it. */
  readonly #failures = new Map<string, number>();
  readonly #running: AsyncDisposable;
  /** Why work could not be taken the last time: it is said once. */
  #told = '';

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#reader = new EventReader([options.event]);
    this.#ackWaitMs = options.ackWaitMs ?? 10_000;
    const { connection, durable } = options;
    const failed = (error: unknown): void => {
      const reason = messageOf(error);
      if (connection.connected && reason !== this.#told)
        connection.log.warn({ durable, reason }, 'taking work starts over');
      this.#told = reason;
    };
    this.#running = keepRunning({ connection, task: (link, ended) => this.#take(link, ended), failed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await Promise.all(this.#inHand);
  }

  /** One subscription to the consumer. Returns or throws when another has to be made. */
  async #take(link: Link, ended: AbortSignal): Promise<void> {
    const created = streamIdentity(await link.jsm.streams.info(this.#options.event.stream));
    const consumer = await ensureConsumer(link, this.#options, this.#ackWaitMs);
    const messages = await consume(link, consumer, concurrency);
    this.#told = '';
    using _ = addAbortListener(ended, () => endAfterLast(messages));
    try {
      for await (const message of messages) {
        if (this.#inHand.size >= concurrency && !ended.aborted) await Promise.race(this.#inHand);
        // What came before the end and is not begun is for another replica, at once.
        if (ended.aborted) {
          message.nak();
          continue;
        }
        const work = this.#work(message, created).finally(() => this.#inHand.delete(work));
        this.#inHand.add(work);
      }
    } finally {
      messages.stop();
    }
  }

  /** Never rejects. */
  async #work(message: JsMsg, created: string): Promise<void> {
    const key = `${created} ${message.info.streamSequence}`;
    const { handle, durable, connection } = this.#options;
    const { log } = connection;
    try {
      const deadline = Date.now() + this.#ackWaitMs * 0.8;
      await this.#observed(message, () => handle(this.#reader.read(storedMessage(message)), deadline));
      this.#failures.delete(key);
      message.ack();
    } catch (error) {
      const again = error instanceof AppError && error.code === 'unavailable';
      const failures = (this.#failures.get(key) ?? 0) + (again ? 0 : 1);
      if (!again) this.#failures.set(key, failures);
      const final = error instanceof UnreadableEvent || failures >= maxAttempts;
      if (final && (await this.#deadLetter(message, created, error, failures))) {
        this.#failures.delete(key);
        message.term(messageOf(error).slice(0, 200));
        return;
      }
      const tries = again ? message.info.deliveryCount : failures;
      const delayMs = Math.min(firstDelayMs * 4 ** (Math.min(tries, 10) - 1), longestDelayMs);
      log.warn({ durable, sequence: message.seq, reason: messageOf(error), delayMs }, 'a message is tried again later');
      message.nak(delayMs);
    }
  }

  /** Measures the work. What it publishes belongs to the trace of the event, in a span where spans are exported. */
  async #observed(message: JsMsg, work: () => Promise<void>): Promise<void> {
    const { connection, event, durable } = this.#options;
    const { stream } = event;
    const { metrics, tracer } = connection.telemetry;
    const startedAt = performance.now();
    const traceparent = message.headers?.get('traceparent');
    const origin = new Origin({ traceparent });
    const attributes = {
      ...messaging,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': stream,
      'messaging.consumer.group.name': durable,
    };
    const span = tracer && startSpan(tracer, `process ${stream}`, { kind: SpanKind.CONSUMER, attributes }, traceparent);
    origin.traceparent = (span && traceparentOf(span)) ?? origin.traceparent;
    let failure: string | undefined;
    try {
      await currentOrigin.run(origin, work);
    } catch (error) {
      failure = error instanceof AppError ? error.code : error instanceof UnreadableEvent ? error.name : '_OTHER';
      throw error;
    } finally {
      metrics.worked(stream, durable, failure ?? '').observe((performance.now() - startedAt) / 1000);
      if (span) endSpan(span, failure);
    }
  }

  /** Sends a message to DEADLETTERS; false when that is not possible now. */
  async #deadLetter(message: JsMsg, created: string, error: unknown, attempts: number): Promise<boolean> {
    const { connection, durable } = this.#options;
    const { log } = connection;
    try {
      const reason = messageOf(error);
      await sendDeadLetter(connection, { message: storedMessage(message), created, reason, attempts });
      connection.telemetry.metrics.deadLetters(message.info.stream).inc();
      log.error({ durable, sequence: message.seq, err: error }, 'a message went to DEADLETTERS');
      return true;
    } catch (failure) {
      log.warn({ durable, reason: messageOf(failure) }, 'a dead letter cannot be sent yet');
      return false;
    }
  }
}

/** The shared consumer: made where it is missing, changed where its configuration is another. */
async function ensureConsumer({ jsm }: Link, { durable, event }: WorkerOptions, ackWaitMs: number) {
  const config = {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
    ...consumerLimits,
    max_deliver: -1,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    filter_subject: filterOf(event),
  };
  const { stream } = event;
  try {
    return await jsm.consumers.add(stream, config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== consumerExists) throw error;
    return jsm.consumers.update(stream, durable, config);
  }
}

/**
 * Ends the messages behind the last one that the broker has sent. `stop` alone would lose what is on its way, and
 * nobody would get that before the broker takes it for lost.
 */
function endAfterLast(messages: ConsumerMessages): void {
  // Their type does not show the subscription; they end by themselves when it has drained (lib/consumer.js, `start`).
  const { sub } = messages as ConsumerMessages & { sub: Subscription };
  const stop = (): void => messages.stop();
  const timer = setTimeout(stop, drainWithinMs);
  sub
    .drain()
    .catch(stop)
    .finally(() => clearTimeout(timer));
}
