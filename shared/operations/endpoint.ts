/** Endpoints: run an operation's handler once input and caller have been checked, the same way for HTTP and NATS. */
import type { z } from 'zod';
import { currentOrigin, type Origin } from '../process/trace-context.ts';
import type { Caller, Credentials } from './access.ts';
import { AppError } from './errors.ts';
import type { Operation } from './operation.ts';

/** Context of a request: everything about it besides its input. */
export interface Call extends Origin {
  caller: Caller;
  /** The request's credentials, for forwarding it to another service. */
  credentials?: Credentials;
  /** When the caller stops waiting for the answer, in milliseconds since 1970. */
  deadline: number;
  /** Position that the handler's view must have reached: the Marquee-Position of an earlier answer to this client. */
  position: string | undefined;
}

/** How far this replica has read its streams. */
export interface Positions {
  /**
   * Waits until this replica has reached a position. Returns undefined if it has already.
   * @param deadline milliseconds since 1970
   * @throws AppError invalid for a malformed position; unavailable, as a rejection, at the deadline
   */
  reach(position: string, deadline: number): Promise<void> | undefined;
  /** Returns the position after the given one and what was written (sequences by stream); undefined without both. */
  after(written: ReadonlyMap<string, number>, given: string | undefined): string | undefined;
}

type ResponseOptions = Partial<Omit<JsonResponse, 'body'>> & {
  /** False if this replica's view does not show the change yet: the status is then 202 Accepted. */
  visible?: boolean | undefined;
};

/** A response, with its body as JSON text so that it is serialized only once. */
export class JsonResponse {
  readonly body: string;
  /** HTTP status, if not the operation's `success`. */
  readonly status: number | undefined;
  /** Revision for ETag and If-Match, followed by a dash and whatever else the body depends on. */
  readonly revision: number | string | undefined;
  /** Path of the created resource, for the Location header. */
  readonly location: string | undefined;
  /** Position from which on a replica shows the change, for the Marquee-Position header. */
  position: string | undefined;

  constructor(body: string, options: ResponseOptions = {}) {
    this.body = body;
    this.status = options.visible === false ? 202 : options.status;
    this.revision = options.revision;
    this.location = options.location;
    this.position = options.position;
  }
}

/** Creates a response from a value and optional status, headers and visibility. */
export function respond(value: unknown, options: ResponseOptions = {}): JsonResponse {
  return new JsonResponse(JSON.stringify(value), options);
}

type Output<O extends Operation> = z.input<O['output']> | JsonResponse;

/** Implementation of an operation in a service. */
export type Handler<O extends Operation> = (input: z.output<O['input']>, call: Call) => Output<O> | Promise<Output<O>>;

/** The handlers of a contract's operations, by their names in the contract. */
export type Handlers<C extends Record<string, Operation>> = { [K in keyof C]: Handler<C[K]> };

/** An operation with its implementation: the handler in its service, a request to that service in the gateway. */
export interface Runnable {
  operation: Operation;
  /**
   * Runs the operation. Synchronous if the handler is: requests then share an event-loop turn without being in flight.
   * @param input the output of the operation's input schema
   * @throws AppError the handler's refusal, also as a rejection
   */
  run(input: Record<string, unknown>, call: Call): JsonResponse | Promise<JsonResponse>;
}

interface EndpointHost {
  /** Called with every unexpected error of a handler. Returns whether the view cannot be read, or is being rebuilt. */
  handleError(error: unknown): boolean;
  positions?: Positions;
}

export function endpointsOf<C extends Record<string, Operation>>(
  operations: C,
  handlers: Handlers<C>,
  host: EndpointHost,
): Runnable[] {
  return Object.entries(operations).map(([name, operation]) =>
    endpoint(operation, handlers[name] as unknown as Handler<Operation>, host),
  );
}

function endpoint(operation: Operation, handle: Handler<Operation>, host: EndpointHost): Runnable {
  const isCommand = operation.kind === 'command';
  /** Adds the position after the events that a command has published. */
  const encode = (result: unknown, { written, position }: Call): JsonResponse => {
    const response = result instanceof JsonResponse ? result : respond(result);
    if (written) response.position = host.positions?.after(written, position);
    return response;
  };
  const failed = (error: unknown): never => {
    if (error instanceof AppError || !host.handleError(error)) throw error;
    // A command may already have published.
    const outcome = isCommand ? 'unknown' : undefined;
    throw new AppError('unavailable', 'The view cannot be read at the moment: try again.', { outcome, cause: error });
  };
  const answer = (input: Record<string, unknown>, call: Call): JsonResponse | Promise<JsonResponse> => {
    try {
      // Events that a command publishes carry the origin of its request.
      const result = isCommand ? currentOrigin.run(call, handle, input, call) : handle(input, call);
      return result instanceof Promise ? result.then((later) => encode(later, call), failed) : encode(result, call);
    } catch (error) {
      return failed(error);
    }
  };
  return {
    operation,
    run(input, call) {
      const waiting = call.position === undefined ? undefined : host.positions?.reach(call.position, call.deadline);
      return waiting?.then(() => answer(input, call)) ?? answer(input, call);
    },
  };
}
