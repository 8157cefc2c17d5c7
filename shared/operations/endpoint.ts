/** Running an operation whose input and caller have been checked: position → handler → response. The same for HTTP and NATS. */
import type { z } from 'zod';
import { currentOrigin, type Origin } from '../process/trace-context.ts';
import type { Caller, Credentials } from './access.ts';
import { AppError } from './errors.ts';
import type { Operation } from './operation.ts';

/** What is known about one request besides its input. */
export interface Call extends Origin {
  caller: Caller;
  /** What the request says of who calls: for passing it on. */
  credentials?: Credentials;
  /** Milliseconds since 1970 after which nobody waits for the answer. */
  deadline: number;
  /** What it must be able to see: the Marquee-Position of an answer that it has had. */
  position: string | undefined;
}

/** Where a replica is in the streams. */
export interface Positions {
  /**
   * Waits until this replica shows what a position names; undefined where it does already.
   * @throws AppError invalid for what is no position; as a rejection unavailable at the deadline (milliseconds since 1970)
   */
  reach(position: string, deadline: number): Promise<void> | undefined;
  /** The position behind what was written, and behind what was given; undefined where that is nowhere. */
  behind(written: ReadonlyMap<string, number>, given: string | undefined): string | undefined;
}

type ResponseOptions = Partial<Omit<JsonResponse, 'body'>> & {
  /** False where this replica's view does not show a change yet: then it is 202 Accepted. */
  visible?: boolean | undefined;
};

/** An answer as it is sent: JSON text, made at most once. */
export class JsonResponse {
  readonly body: string;
  /** Where it is not the operation's `success`. */
  readonly status: number | undefined;
  /** For ETag and If-Match: the revision; with what else the body depends on behind a dash. */
  readonly revision: number | string | undefined;
  /** Path of what was made, for Location. */
  readonly location: string | undefined;
  /** For Marquee-Position: what has to be read before the change is seen. */
  position: string | undefined;

  constructor(body: string, options: ResponseOptions = {}) {
    this.body = body;
    this.status = options.visible === false ? 202 : options.status;
    this.revision = options.revision;
    this.location = options.location;
    this.position = options.position;
  }
}

/** Encodes a value with the things that an answer can have beside its body. */
export function respond(value: unknown, options: ResponseOptions = {}): JsonResponse {
  return new JsonResponse(JSON.stringify(value), options);
}

type Output<O extends Operation> = z.input<O['output']> | JsonResponse;

/** What a service writes for an operation. */
export type Handler<O extends Operation> = (input: z.output<O['input']>, call: Call) => Output<O> | Promise<Output<O>>;

/** A handler for each operation of a contract, by the operation's name there. */
export type Handlers<C extends Record<string, Operation>> = { [K in keyof C]: Handler<C[K]> };

/** An operation with what runs it: in a service its own handler, in the gateway a request to the service. */
export interface Runnable {
  operation: Operation;
  /**
   * Answers at once where the handler does: many of them share a turn, and none of these is in flight behind it.
   * @param input as the operation's schema gives it
   * @throws AppError whatever the handler refuses with, also as a rejection
   */
  run(input: Record<string, unknown>, call: Call): JsonResponse | Promise<JsonResponse>;
}

export interface EndpointHost {
  /** Hears of every defect that a handler throws. Says whether it is the view that is to blame, and will be there again. */
  lostView(error: unknown): boolean;
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

function endpoint(operation: Operation, handle: Handler<Operation>, { positions, lostView }: EndpointHost): Runnable {
  const isCommand = operation.kind === 'command';
  /** The answer of a command says where the events are that it has published. */
  const encode = (result: unknown, { written, position }: Call): JsonResponse => {
    const response = result instanceof JsonResponse ? result : respond(result);
    if (written) response.position = positions?.behind(written, position);
    return response;
  };
  const failed = (error: unknown): never => {
    if (error instanceof AppError || !lostView(error)) throw error;
    // A command may have published already.
    const outcome = isCommand ? 'unknown' : undefined;
    throw new AppError('unavailable', 'The view cannot be read at the moment.', { outcome, cause: error });
  };
  const answer = (input: Record<string, unknown>, call: Call): JsonResponse | Promise<JsonResponse> => {
    try {
      // The events that a command publishes carry the origin of its request.
      const result = isCommand ? currentOrigin.run(call, handle, input, call) : handle(input, call);
      return result instanceof Promise ? result.then((later) => encode(later, call), failed) : encode(result, call);
    } catch (error) {
      return failed(error);
    }
  };
  return {
    operation,
    run(input, call) {
      const waiting = call.position === undefined ? undefined : positions?.reach(call.position, call.deadline);
      return waiting?.then(() => answer(input, call)) ?? answer(input, call);
    },
  };
}
