/** Calls operations of other services. Requests that are made at the same time share a message. */
import type { z } from 'zod';
import type { Connection } from '../broker/connection.ts';
import type { GivenRequest } from '../observe/served-operation.ts';
import { endSpan, SpanKind, startSpan, traceparentOf } from '../observe/telemetry.ts';
import { type Call, JsonResponse } from '../operations/endpoint.ts';
import { fromProblem, type Problem, toAppError } from '../operations/errors.ts';
import type { Operation, ServiceContract } from '../operations/operation.ts';
import { encodedRequest, type ServiceClient, serviceClient } from './service-client.ts';
import type { ReplyEntry } from './wire-format.ts';

/** The timeout of a request, on whose behalf it is made, and the trace and request that it belongs to. */
export interface AskOptions extends GivenRequest {
  timeoutMs: number;
  /** The call on whose behalf the request is made (`onBehalfOf`). */
  call?: Call | undefined;
  /** The group of replicas to ask (ServiceDefinition.group). */
  group?: string | undefined;
}

/** Returns the options that make a request on behalf of a call: its caller, trace, request id and position. */
export function onBehalfOf({ caller, credentials, traceparent, givenRequestId: requestId, position }: Call) {
  const who = caller.open ? { user: caller.userId } : { token: credentials?.token };
  const from = caller.userId === undefined ? credentials?.from : undefined;
  return { ...who, from, traceparent, requestId, position };
}

/** Converts a reply to a response. @throws AppError the error that the service answered with */
export function answerIn(reply: Omit<ReplyEntry, 'id'>): JsonResponse {
  if (reply.status >= 400) throw fromProblem(JSON.parse(reply.body) as Problem);
  return new JsonResponse(reply.body, reply);
}

export class ServiceCaller {
  readonly #connection: Connection;
  readonly #asks: NonNullable<ServiceContract['asks']>;
  readonly #clients = new Map<string, ServiceClient>();

  /** @param asks the services that may be asked, from the contract of the calling service */
  constructor(connection: Connection, asks: NonNullable<ServiceContract['asks']> = 'all') {
    this.#connection = connection;
    this.#asks = asks;
  }

  /**
   * Calls an operation and returns its output.
   * @throws AppError the error that the service answered with, or unavailable when it did not answer in time
   * @example await caller.ask(movies.get, { movieId: 1 }, { timeoutMs: 500 })
   */
  async ask<I extends z.ZodObject, O extends z.ZodType>(
    operation: Operation<I, O>,
    input: z.input<I>,
    options: AskOptions,
  ): Promise<z.output<O>> {
    const { body } = await this.send(operation as unknown as Operation, input, options);
    return JSON.parse(body) as z.output<O>;
  }

  /** Calls an operation and returns its response unparsed, for forwarding. @throws AppError as `ask` */
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
      // Inside the executor, so that an error here rejects the promise.
      const encoded = encodedRequest({ subject, input, token, user, from, traceparent, requestId, position });
      this.#clientOf(operation.service, group).add({
        ...encoded,
        deadline: performance.now() + timeoutMs,
        isCommand,
        // Queries and idempotent commands may run at two replicas, even if one of them runs much later.
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
      // A broker with users would refuse the request, because their permissions are derived from the contracts.
      if (this.#asks !== 'all' && !this.#asks.includes(service)) {
        const { name } = this.#connection;
        throw new Error(`${name} calls ${service}: add ${service} to "asks" in the contract of ${name}`);
      }
      client = serviceClient(service, this.#connection, group);
      this.#clients.set(key, client);
    }
    return client;
  }
}
