/**
 * Processes each event of a type in one replica of a service, by a durable pull consumer that the replicas share. A
 * message is redelivered until it has been processed, so processing must be idempotent.
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
  /** Name of the durable consumer, which all replicas share. */
  durable: string;
  event: EventType;
  /** The service's connection: dead letters are counted under its name. */
  connection: Connection;
  /**
   * Processes an event. When it throws, the event is retried: without limit after AppError unavailable (the broker or a
   * view is away), otherwise until the fourth failure, after which it goes to DEADLETTERS.
   * @param deadline milliseconds since 1970 after which another replica may begin to process the same event
   */
  handle(event: StoredEvent, deadline: number): Promise<void>;
  /** Milliseconds without an ack after which the broker redelivers a message. */
  ackWaitMs?: number;
}

/** Maximum number of messages that a replica processes at once. */
const concurrency = 32;
/** After this many failures a message goes to DEADLETTERS. */
const maxAttempts = 4;
const firstDelayMs = 200;
const longestDelayMs = 15_000;

const consumerExists = 10148;
/** How long `drain` waits for the broker to confirm that no more messages are on their way. */
const drainWithinMs = 1000;

/** Processes messages until it is disposed; then finishes the ones in progress and returns the rest to the broker. */
export class Worker implements AsyncDisposable {
  readonly #options: Required<WorkerOptions>;
  readonly #reader: EventReader;
  readonly #inProgress = new Set<Promise<void>>();
  /** Failures here, by stream incarnation and sequence. The broker's count includes lost and returned deliveries. */
  readonly #failures = new Map<string, number>();
  readonly #running: AsyncDisposable;
  /** Why consuming failed the last time, so that the same reason is logged once. */
  #lastReason = '';

  constructor(options: WorkerOptions) {
    this.#options = { ackWaitMs: 10_000, ...options };
    this.#reader = new EventReader([options.event]);
    const { connection, durable } = options;
    const failed = (error: unknown): void => {
      const reason = messageOf(error);
      if (connection.connected && reason !== this.#lastReason)
        connection.log.warn({ durable, reason }, 'the worker cannot consume its stream, and will retry');
      this.#lastReason = reason;
    };
    this.#running = keepRunning({ connection, task: (link, ended) => this.#consume(link, ended), failed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await Promise.all(this.#inProgress);
  }

  /** Consumes messages by one subscription. Returns or throws when a new one must be made. */
  async #consume(link: Link, ended: AbortSignal): Promise<void> {
    const created = streamIdentity(await link.jsm.streams.info(this.#options.event.stream));
    const consumer = await ensureConsumer(link, this.#options);
    const messages = await consume(link, consumer, concurrency);
    this.#lastReason = '';
    using _ = addAbortListener(ended, () => drain(messages));
    try {
      for await (const message of messages) {
        if (this.#inProgress.size >= concurrency && !ended.aborted) await Promise.race(this.#inProgress);
        // The worker stops, or the connection changed: messages that were not begun go to another replica at once.
        if (ended.aborted) {
          message.nak();
          continue;
        }
        const work = this.#process(message, created).finally(() => this.#inProgress.delete(work));
        this.#inProgress.add(work);
      }
    } finally {
      messages.stop();
    }
  }

  /** Never rejects. */
  async #process(message: JsMsg, created: string): Promise<void> {
    const key = `${created} ${message.info.streamSequence}`;
    const { handle, durable, connection, ackWaitMs } = this.#options;
    const { log } = connection;
    try {
      // Restarts the ack wait: the message may have waited here for others.
      message.working();
      const deadline = Date.now() + ackWaitMs * 0.8;
      await this.#observed(message, () => handle(this.#reader.read(storedMessage(message)), deadline));
      this.#failures.delete(key);
      message.ack();
    } catch (error) {
      const isUnavailable = error instanceof AppError && error.code === 'unavailable';
      const failures = (this.#failures.get(key) ?? 0) + (isUnavailable ? 0 : 1);
      if (!isUnavailable) this.#failures.set(key, failures);
      const final = error instanceof UnreadableEvent || failures >= maxAttempts;
      if (final && (await this.#deadLetter(message, created, error, failures))) {
        this.#failures.delete(key);
        message.term(messageOf(error).slice(0, 200));
        return;
      }
      const tries = isUnavailable ? message.info.deliveryCount : failures;
      const delayMs = Math.min(firstDelayMs * 4 ** (Math.min(tries, 10) - 1), longestDelayMs);
      log.warn({ durable, sequence: message.seq, reason: messageOf(error), delayMs }, 'a message will be retried');
      message.nak(delayMs);
    }
  }

  /** Runs `work` and measures it, with tracing on in a span. Events that it publishes belong to the event's trace. */
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

  /** Sends a message to DEADLETTERS. Returns false when that is not possible now. */
  async #deadLetter(message: JsMsg, created: string, error: unknown, attempts: number): Promise<boolean> {
    const { connection, durable } = this.#options;
    const { log } = connection;
    try {
      const reason = messageOf(error);
      await sendDeadLetter(connection, { message: storedMessage(message), created, reason, attempts });
      connection.telemetry.metrics.deadLetters(message.info.stream).inc();
      log.error({ durable, sequence: message.seq, err: error }, 'a message was sent to DEADLETTERS');
      return true;
    } catch (failure) {
      log.warn({ durable, reason: messageOf(failure) }, 'a dead letter cannot be stored yet');
      return false;
    }
  }
}

/** Creates the shared consumer, or updates it when its configuration has changed. */
async function ensureConsumer({ jsm }: Link, { durable, event, ackWaitMs }: Required<WorkerOptions>) {
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
 * Ends the iteration after the last message that the broker has sent. `stop` alone would lose messages that are on
 * their way, and the broker would redeliver them only after the ack wait.
 */
function drain(messages: ConsumerMessages): void {
  // The type hides the subscription. The iteration ends when the subscription has drained (lib/consumer.js, `start`).
  const { sub } = messages as ConsumerMessages & { sub: Subscription };
  const stop = (): void => messages.stop();
  const timer = setTimeout(stop, drainWithinMs);
  sub
    .drain()
    .catch(stop)
    .finally(() => clearTimeout(timer));
}
