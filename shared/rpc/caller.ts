/** Asking other services: one message for the requests that come together, to one replica. */
import type { z } from 'zod';
import type { Connection } from '../broker/connection.ts';
import type { GivenRequest } from '../observe/served-operation.ts';
import { endSpan, SpanKind, startSpan, traceparentOf } from '../observe/telemetry.ts';
import { type Call, JsonResponse } from '../operations/endpoint.ts';
import { fromProblem, type Problem, toAppError } from '../operations/errors.ts';
import type { Operation, ServiceContract } from '../operations/operation.ts';
import { encodedRequest, type ServiceClient, serviceClient } from './service-client.ts';
import type { ReplyEntry } from './wire-format.ts';

/** How long an answer is waited for, who asks, and what the request belongs to. */
export interface AskOptions extends GivenRequest {
  timeoutMs: number;
  /** Asks for whoever calls here, as part of their request. */
  call?: Call | undefined;
  /** Which of the service's groups is asked (ServiceDefinition.group). */
  group?: string | undefined;
}

/** How something is asked for whoever calls here: as whom, and what the request belongs to. */
export function onBehalfOf({ caller, credentials, traceparent, givenRequestId: requestId, position }: Call) {
  const who = caller.open ? { user: caller.userId } : { token: credentials?.token };
  const from = caller.userId === undefined ? credentials?.from : undefined;
  return { ...who, from, traceparent, requestId, position };
}

/** @throws AppError what a service refused with */
export function answerIn(reply: Omit<ReplyEntry, 'id'>): JsonResponse {
  if (reply.status >= 400) throw fromProblem(JSON.parse(reply.body) as Problem);
  return new JsonResponse(reply.body, reply);
}

export class ServiceCaller {
  readonly #connection: Connection;
  readonly #asks: NonNullable<ServiceContract['asks']>;
  readonly #clients = new Map<string, ServiceClient>();

  /** @param asks the services that may be asked, as the contract of the one that asks says */
  constructor(connection: Connection, asks: NonNullable<ServiceContract['asks']> = 'all') {
    this.#connection = connection;
    this.#asks = asks;
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
    const { body } = await this.send(operation as unknown as Operation, input, options);
    return JSON.parse(body) as z.output<O>;
  }

  /** The same without looking into the answer: for passing it on. @throws AppError as ask */
  send(operation: Operation, input: unknown, { call, ...own }: AskOptions): Promise<JsonResponse> {
    const options = call ? { ...onBehalfOf(call), ...own } : own;
    const { tracer } = this.#connection.telemetry;
    if (!tracer) return this.#send(operation, input, options);
    const attributes = { 'rpc.system.name': 'nats', 'rpc.method': operation.subject };
    const span = startSpan(tracer, operation.subject, { kind: SpanKind.CLIENT, attributes }, options.traceparent);
    const reply = this.#send(operation, input, { ...options, traceparent: traceparentOf(span) });
    reply.then(
      ({ status }) => endSpan(span, undefined, { 'rpc.response.status_code': status }),
      (error: unknown) => {
        const { code, status } = toAppError(error);
        endSpan(span, code, { 'rpc.response.status_code': status });
      },
    );
    return reply;
  }

  #send(operation: Operation, input: unknown, options: AskOptions): Promise<JsonResponse> {
    const { subject } = operation;
    const { timeoutMs, token, user, from, traceparent, requestId, position, group } = options;
    const isCommand = operation.kind === 'command';
    const reply = new Promise<ReplyEntry>((resolve, reject) => {
      // Thrown in here, what makes a request impossible is a rejection.
      const encoded = encodedRequest({ subject, input, token, user, from, traceparent, requestId, position });
      this.#clientOf(operation.service, group).add({
        ...encoded,
        deadline: performance.now() + timeoutMs,
        isCommand,
        // It does no harm when two replicas do it, one of them much later.
        mayHedge: !isCommand || (operation.idempotent?.(input as Record<string, unknown>) ?? false),
        inFlight: 0,
        resolve,
        reject,
      });
    });
    return reply.then(answerIn);
  }

  #clientOf(service: string, group: string | undefined): ServiceClient {
    const key = group === undefined ? service : `${service} ${group}`;
    let client = this.#clients.get(key);
    if (!client) {
      // Where the broker has users, it would not let the request pass.
      if (this.#asks !== 'all' && !this.#asks.includes(service)) {
        throw new Error(`${this.#connection.name} asks ${service}: its contract must say so (asks)`);
      }
      client = serviceClient(service, this.#connection, group);
      this.#clients.set(key, client);
    }
    return client;
  }
}
