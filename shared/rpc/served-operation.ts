/** An operation as it is served over NATS: run for one request, counted for metrics and for `nats micro stats`. */
import type { Endpoint as MicroEndpoint, NamedEndpointStats } from '@nats-io/services';
import { type GivenRequest, RequestScope, refusalOf } from '../observe/request-scope.ts';
import type { Requests, Telemetry } from '../observe/telemetry.ts';
import type { Identity } from '../operations/access.ts';
import type { Endpoint, JsonResponse } from '../operations/endpoint.ts';
import { AppError } from '../operations/errors.ts';
import type { Logger } from '../process/log.ts';
import { requireFitting } from './wire-format.ts';

/** What is left for the way back to the caller, where an operation takes all of its time: its answer says more than silence. */
const marginMs = 100;

/** One request, whichever way it came. */
export interface ServedRequest extends GivenRequest {
  input: unknown;
  /** Milliseconds that the caller waits. */
  timeoutMs: number;
}

export interface ServedParts {
  identity: Identity;
  log: Logger;
  telemetry: Telemetry;
}

export class ServedOperation {
  readonly endpoint: Endpoint;
  readonly #requests: Requests;
  readonly #parts: ServedParts;
  #count = 0;
  #errors = 0;
  #milliseconds = 0;
  #lastError = '';

  constructor(endpoint: Endpoint, parts: ServedParts) {
    this.endpoint = endpoint;
    this.#requests = parts.telemetry.rpc(endpoint.operation);
    this.#parts = parts;
  }

  /**
   * Runs it, synchronously where it can.
   * @param arrivedAt when the request came, by performance.now()
   * @throws AppError what the caller is told, also as a rejection.
   */
  run(request: ServedRequest, arrivedAt: number): JsonResponse | Promise<JsonResponse> {
    const { timeoutMs } = request;
    const timeLeftMs = Math.max(timeoutMs - marginMs, timeoutMs / 2) - (performance.now() - arrivedAt);
    const scope = new RequestScope(this.#requests, timeLeftMs, request);
    const succeeded = (response: JsonResponse): JsonResponse => {
      requireFitting(response.body);
      this.#ended(scope, response.status ?? this.endpoint.operation.success);
      return response;
    };
    const failed = (error: unknown): never => {
      const refused = refusalOf(error, this.#parts.log, this.endpoint.operation.subject, scope);
      this.#ended(scope, refused.status, refused);
      throw refused;
    };
    try {
      if (timeLeftMs < 0) throw new AppError('unavailable', 'Too many requests at once: its time is up.');
      const result = this.#start(request, scope);
      return result instanceof Promise ? result.then(succeeded).catch(failed) : succeeded(result);
    } catch (error) {
      return failed(error);
    }
  }

  /** Puts the counts where the framework takes them from: it knows of single requests only, and not how they ended. */
  report(endpoint: MicroEndpoint): void {
    const { stats } = endpoint as MicroEndpoint & { stats: NamedEndpointStats };
    stats.num_requests = this.#count;
    stats.num_errors = this.#errors;
    stats.last_error = this.#lastError;
    stats.processing_time = Math.round(this.#milliseconds * 1e6);
    stats.average_processing_time = Math.round(stats.processing_time / Math.max(1, this.#count));
  }

  #start(request: ServedRequest, scope: RequestScope): JsonResponse | Promise<JsonResponse> {
    const run = (caller: RequestScope['caller']): JsonResponse | Promise<JsonResponse> => {
      scope.caller = caller;
      return this.endpoint.run(request.input, scope);
    };
    const caller = this.#parts.identity.of(request);
    return caller instanceof Promise ? caller.then(run) : run(caller);
  }

  #ended(scope: RequestScope, status: number, error?: AppError): void {
    scope.ended(status);
    this.#count++;
    this.#milliseconds += performance.now() - scope.startedAt;
    if (!error) return;
    this.#errors++;
    this.#lastError = `${status}: ${error.message}`;
  }
}
