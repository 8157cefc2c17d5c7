/** Asking other services: one message for the requests of one turn of the event loop, to one replica. */
import type { Msg } from '@nats-io/nats-core';
import type { z } from 'zod';
import type { Connection } from './connection.ts';
import type { Operation } from './contract.ts';
import { AppError, fromProblem, type Problem } from './errors.ts';
import { decodeReplies, encodeRequests, type ReplyFrame, type RequestFrame } from './frames.ts';
import type { NoReply } from './replies.ts';

/** Subject on which a service takes packed requests. */
export function packSubject(service: string): string {
  return `${service}.pack`;
}

export interface AskOptions {
  timeoutMs: number;
  token?: string | undefined;
  user?: string | undefined;
  traceparent?: string | undefined;
  requestId?: string | undefined;
}

interface Waiting {
  frame: RequestFrame;
  retry: boolean;
  resolve: (reply: ReplyFrame) => void;
  reject: (error: AppError) => void;
}

const maxPackBytes = 400_000;
/** Below what the broker takes in one message (1 MiB), with room for headers. */
const maxMessageBytes = 1_040_000;

/** The way to other services' operations. */
export class Caller {
  readonly #connection: Connection;
  readonly #queues = new Map<string, Waiting[]>();
  #nextId = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Asks an operation and gives its output.
   * @throws AppError what the service refused with, or unavailable when it did not answer in time.
   * @example await caller.ask(movies.getMovie, { movieId: 1 }, { timeoutMs: 500 })
   */
  async ask<I extends z.ZodObject, O extends z.ZodType>(
    operation: Operation<I, O>,
    input: z.input<I>,
    options: AskOptions,
  ): Promise<z.output<O>> {
    const reply = await this.send(operation as unknown as Operation, input, options);
    if (reply.status < 400) return JSON.parse(reply.body) as z.output<O>;
    throw fromProblem(JSON.parse(reply.body) as Problem);
  }

  /** The same without looking into the reply: for passing it on. @throws AppError unavailable without one. */
  send(operation: Operation, input: unknown, options: AskOptions): Promise<ReplyFrame> {
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

  #send(operation: Operation, input: unknown, options: AskOptions): Promise<ReplyFrame> {
    return new Promise((resolve, reject) => {
      const frame: RequestFrame = {
        id: this.#nextId++,
        subject: operation.subject,
        input,
        timeoutMs: Math.max(1, Math.round(options.timeoutMs)),
        token: options.token ?? null,
        user: options.user ?? null,
        traceparent: options.traceparent ?? null,
        requestId: options.requestId,
      };
      this.#enqueue({ frame, retry: operation.kind === 'query', resolve, reject });
    });
  }

  #enqueue(waiting: Waiting): void {
    const service = waiting.frame.subject.slice(0, waiting.frame.subject.indexOf('.'));
    const queue = this.#queues.get(service);
    if (queue) {
      queue.push(waiting);
      return;
    }
    this.#queues.set(service, [waiting]);
    setImmediate(() => {
      const all = this.#queues.get(service) ?? [];
      this.#queues.delete(service);
      for (const pack of packs(all)) this.#sendPack(service, pack);
    });
  }

  #sendPack(service: string, pack: Waiting[]): void {
    const open = new Map(pack.map((waiting) => [waiting.frame.id, waiting]));
    const longest = Math.max(...pack.map(({ frame }) => frame.timeoutMs));
    try {
      const { nc, replies } = this.#connection.link;
      const data = new TextEncoder().encode(encodeRequests(pack.map(({ frame }) => frame)));
      if (data.length > maxMessageBytes) throw new AppError('too_large', 'The request does not fit in one message.');
      const reply = replies.expect(longest, (failure, message) => {
        if (message) return receive(open, message);
        this.#failed(service, [...open.values()], failure as NoReply);
        return false;
      });
      nc.publish(packSubject(service), data, { reply });
    } catch (error) {
      const unavailable =
        error instanceof AppError ? error : new AppError('unavailable', `${service} cannot be asked.`);
      for (const waiting of pack) waiting.reject(unavailable);
    }
  }

  #failed(service: string, open: Waiting[], failure: NoReply): void {
    for (const waiting of open) {
      if (failure === 'no_responders' && waiting.retry) {
        waiting.retry = false;
        setTimeout(() => this.#enqueue(waiting), 50);
      } else {
        waiting.reject(unanswered(service, failure));
      }
    }
  }
}

function receive(open: Map<number, Waiting>, message: Msg): boolean {
  for (const reply of decodeReplies(message.string())) {
    open.get(reply.id)?.resolve(reply);
    open.delete(reply.id);
  }
  return open.size > 0;
}

function unanswered(service: string, failure: NoReply): AppError {
  if (failure === 'no_responders') return new AppError('unavailable', `No replica of ${service} is running.`);
  return new AppError('unavailable', `${service} did not answer in time.`, { outcome: 'unknown' });
}

function packs(all: Waiting[]): Waiting[][] {
  const result: Waiting[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const waiting of all) {
    const size = sizeOf(waiting.frame);
    if (bytes + size > maxPackBytes) {
      result.push([]);
      bytes = 0;
    }
    bytes += size;
    result.at(-1)?.push(waiting);
  }
  return result;
}

/** A guess that is never far too small. Large inputs are counted, small ones are not worth it. */
function sizeOf({ input, token }: RequestFrame): number {
  let size = 200 + (token?.length ?? 0);
  for (const value of Object.values(input as Record<string, unknown>)) {
    if (typeof value === 'string') size += value.length * 2;
    else if (Array.isArray(value)) size += JSON.stringify(value).length;
  }
  return size;
}
