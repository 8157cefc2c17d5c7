/** Asking other services: one message for the requests that come together (gathering.ts), to one replica. */
import type { Msg } from '@nats-io/nats-core';
import type { z } from 'zod';
import type { Connection } from '../broker/connection.ts';
import type { NoReply } from '../broker/reply-inbox.ts';
import { AppError, fromProblem, type Problem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { JoinedInput, RequestBurst } from './burst.ts';
import { type Probe, Replicas } from './hedging.ts';
import { batchesOf, encodeBatch } from './request-batch.ts';
import { decodeReplies, encodeRequests, type ReplyEntry, type RequestEntry } from './wire-format.ts';

/** Subject on which a service takes packed requests. */
export function batchSubject(service: string): string {
  return `${service}.pack`;
}

/** The same for one replica of it. */
export function replicaSubject(service: string, replica: string): string {
  return `${batchSubject(service)}.${replica}`;
}

/** No answer came, as against a service that answers that it cannot. */
export class Unanswered extends AppError {
  /** Whether no replica at all has answered anything meanwhile. */
  readonly silence: boolean;

  constructor(detail: string, { silence, outcome }: { silence: boolean; outcome?: 'unknown' }) {
    super('unavailable', detail, outcome ? { outcome } : {});
    this.silence = silence;
  }
}

export interface AskOptions {
  timeoutMs: number;
  token?: string | undefined;
  user?: string | undefined;
  traceparent?: string | undefined;
  requestId?: string | undefined;
}

interface Waiting {
  frame: RequestEntry;
  /** Whether it may be sent once more. */
  again: boolean;
  /** Packs that it is in and that may still be answered. */
  sent: number;
  resolve: (reply: ReplyEntry) => void;
  reject: (error: AppError) => void;
}

/** An answer takes a few milliseconds: after so long it looks as if the replica hangs. */
const lateMs = 350;

/** The way to other services' operations. */
export class ServiceCaller {
  readonly #connection: Connection;
  readonly #queues = new Map<string, RequestBurst<Waiting>>();
  readonly #replicas = new Map<string, Replicas>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Asks an operation and gives its output. Others may join a question until it is sent.
   * @throws AppError what the service refused with, or unavailable when it did not answer in time.
   * @example await caller.ask(movies.getMovie, { movieId: 1 }, { timeoutMs: 500 })
   */
  async ask<I extends z.ZodObject, O extends z.ZodType>(
    operation: Operation<I, O>,
    input: z.input<I> | JoinedInput<z.input<I>>,
    options: AskOptions,
  ): Promise<z.output<O>> {
    const reply = await this.send(operation as unknown as Operation, input, options);
    if (reply.status < 400) return JSON.parse(reply.body) as z.output<O>;
    throw fromProblem(JSON.parse(reply.body) as Problem);
  }

  /** The same without looking into the reply: for passing it on. @throws AppError unavailable without one. */
  send(operation: Operation, input: unknown, options: AskOptions): Promise<ReplyEntry> {
    const { tracer } = this.#connection.telemetry;
    const span = tracer?.start({
      kind: 'client',
      name: operation.subject,
      parent: options.traceparent,
      attributes: { 'rpc.system.name': 'nats', 'rpc.method': operation.subject },
    });
    if (!span) return this.#send(operation, input, options);
    const reply = this.#send(operation, input, { ...options, traceparent: span.traceparent });
    reply.then(
      ({ status }) => span.end(status >= 400 ? String(status) : undefined, { 'rpc.response.status_code': status }),
      (error: unknown) => span.end(error instanceof AppError ? error.code : 'internal'),
    );
    return reply;
  }

  #send(operation: Operation, input: unknown, options: AskOptions): Promise<ReplyEntry> {
    // A body may have taken all the time: what nobody waits for must not be done.
    if (options.timeoutMs < 1) return Promise.reject(new AppError('unavailable', 'There is no time left for it.'));
    return new Promise((resolve, reject) => {
      const frame: RequestEntry = {
        id: 0,
        subject: operation.subject,
        input,
        timeoutMs: Math.round(options.timeoutMs),
        token: options.token ?? null,
        user: options.user ?? null,
        traceparent: options.traceparent ?? null,
        requestId: options.requestId,
      };
      this.#enqueue({ frame, again: isIdempotent(operation, input), sent: 0, resolve, reject });
    });
  }

  #enqueue(waiting: Waiting): void {
    const { subject } = waiting.frame;
    this.#queueOf(subject.slice(0, subject.indexOf('.'))).add(waiting);
  }

  #queueOf(service: string): RequestBurst<Waiting> {
    let queue = this.#queues.get(service);
    if (!queue) {
      queue = new RequestBurst(requestsIn, (all) => this.#sendAll(service, all));
      this.#queues.set(service, queue);
    }
    return queue;
  }

  #sendAll(service: string, all: Waiting[]): void {
    for (const { frame } of all) if (frame.input instanceof JoinedInput) frame.input = frame.input.take();
    for (const pack of batchesOf(all)) this.#sendPack(service, pack);
  }

  /** @param replica where it has to be a certain one */
  #sendPack(service: string, pack: Waiting[], replica = this.#replicasOf(service).target): void {
    const sent: Sent = { service, open: pack.slice(), count: pack.length, replica, at: performance.now() };
    let longest = 0;
    for (const [index, { frame }] of pack.entries()) {
      frame.id = index;
      longest = Math.max(longest, frame.timeoutMs);
    }
    let data: Uint8Array;
    try {
      data = encodeBatch(pack.map(({ frame }) => frame));
    } catch (error) {
      const [first] = pack as [Waiting];
      // Alone, each of those that are not to blame goes through.
      if (pack.length > 1) for (const waiting of pack) this.#sendPack(service, [waiting], replica);
      else if (first.sent === 0) first.reject(error as AppError);
      return;
    }
    for (const waiting of pack) waiting.sent++;
    try {
      const { nc, replies } = this.#connection.link;
      const queue = this.#queueOf(service);
      const reply = replies.expect(
        longest,
        (failure, message) => {
          const more = message !== null && this.#receive(sent, message);
          if (!more) queue.ended(pack.length);
          if (failure) this.#failed(sent, failure);
          return more;
        },
        { afterMs: Math.min(lateMs, longest / 2), call: () => this.#late(sent) },
      );
      queue.began(pack.length);
      nc.publish(replica === undefined ? batchSubject(service) : replicaSubject(service, replica), data, { reply });
    } catch (error) {
      const unavailable =
        error instanceof AppError ? error : new AppError('unavailable', `${service} cannot be asked.`);
      for (const waiting of pack) if (--waiting.sent === 0) waiting.reject(unavailable);
    }
  }

  #receive(sent: Sent, message: Msg): boolean {
    const decoded = decodedReplies(message);
    if (!decoded) return true;
    const { frames, replica } = decoded;
    for (const reply of frames) {
      const waiting = sent.open[reply.id];
      if (!waiting) continue;
      waiting.resolve(reply);
      sent.open[reply.id] = undefined;
      sent.count--;
    }
    if (replica !== undefined) this.#replicasOf(sent.service).answered(replica, sent.at);
    return sent.count > 0;
  }

  #failed({ service, open, replica, at }: Sent, failure: NoReply): void {
    const replicas = this.#replicasOf(service);
    const unheard = failure === 'no_responders';
    if (unheard && replica !== undefined) replicas.gone(replica);
    const silence = unheard || (failure === 'timeout' && !replicas.answeredSince(at));
    for (const waiting of open) {
      if (!waiting) continue;
      waiting.sent--;
      // One replica that is no more: whatever it was, nobody has got it.
      if (unheard && replica !== undefined) this.#enqueue(waiting);
      else if (unheard && waiting.again) {
        waiting.again = false;
        setTimeout(() => this.#enqueue(waiting), 50);
      } else if (waiting.sent === 0) waiting.reject(unanswered(service, failure, silence));
    }
  }

  /** What may be sent again goes to a replica that answers; the first answer counts. */
  #late({ service, open, at }: Sent): void {
    const late = open.filter((waiting) => waiting?.again ?? false);
    const send = (replica: string | undefined): void => {
      const waited = performance.now() - at;
      const still = new Set(open);
      const pack = late.flatMap((waiting) =>
        waiting && still.has(waiting) && waiting.frame.timeoutMs > waited ? [waiting] : [],
      );
      if (pack.length === 0) return;
      for (const waiting of pack) {
        waiting.again = false;
        waiting.frame.timeoutMs = Math.ceil(waiting.frame.timeoutMs - waited);
      }
      this.#connection.telemetry.metrics.repeated(service).inc(pack.length);
      this.#sendPack(service, pack, replica);
    };
    this.#replicasOf(service).late(at, late.length > 0 ? send : undefined);
  }

  #replicasOf(service: string): Replicas {
    let replicas = this.#replicas.get(service);
    if (!replicas) {
      replicas = new Replicas((...probe) => this.#probe(service, ...probe));
      this.#replicas.set(service, replicas);
    }
    return replicas;
  }

  #probe(service: string, ...[replica, timeoutMs, late, ended]: Parameters<Probe>): void {
    const sent: Sent = { service, open: [], count: 0, replica, at: performance.now() };
    try {
      const { nc, replies } = this.#connection.link;
      const reply = replies.expect(
        timeoutMs,
        (failure, message) => {
          if (message) this.#receive(sent, message);
          ended(failure);
          return false;
        },
        late,
      );
      nc.publish(replicaSubject(service, replica), encodeRequests([]), { reply });
    } catch {
      ended('disconnected');
    }
  }
}

/** A pack on its way. */
interface Sent {
  service: string;
  /** By their place in it; undefined where it was answered. */
  open: (Waiting | undefined)[];
  /** How many are not answered yet. */
  count: number;
  /** The only one that it was sent to, if it was. */
  replica: string | undefined;
  at: number;
}

function requestsIn({ frame: { input } }: Waiting): number {
  return input instanceof JoinedInput ? input.size : 1;
}

/** Whether it does no harm when two replicas do it, one of them much later. */
function isIdempotent({ kind, idempotent }: Operation, input: unknown): boolean {
  return kind === 'query' || (idempotent?.(input as Record<string, unknown>) ?? false);
}

/** Undefined for what is no answer of ours: that is still waited for. Thrown, it would end the connection's reader. */
function decodedReplies(message: Msg): ReturnType<typeof decodeReplies> | undefined {
  try {
    return decodeReplies(message.string());
  } catch {
    return undefined;
  }
}

function unanswered(service: string, failure: NoReply, silence: boolean): Unanswered {
  if (failure === 'no_responders') return new Unanswered(`No replica of ${service} is running.`, { silence });
  return new Unanswered(`${service} did not answer in time.`, { silence, outcome: 'unknown' });
}
