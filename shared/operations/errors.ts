/** The errors of all services. Status codes for HTTP and NATS are defined here and nowhere else. */

/** Stable error codes with their HTTP status, which is also the `Nats-Service-Error-Code`, and a title for people. */
export const codes = {
  invalid: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'The caller is not authenticated' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The request conflicts with the current state' },
  precondition_failed: { status: 412, title: 'The revision has changed' },
  too_large: { status: 413, title: 'The request is too large' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was already used for another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const;

export type ErrorCode = keyof typeof codes;

/** An invalid input field. `field` is a dotted path such as `genres.0`. */
export interface FieldError {
  field: string;
  message: string;
}

export interface ErrorOptions {
  fields?: FieldError[] | undefined;
  /** Seconds after which a retry makes sense; sent as Retry-After. */
  retryAfter?: number | undefined;
  /** Set when a command was sent but not answered: its event may have been stored. */
  outcome?: 'unknown' | undefined;
  cause?: unknown;
}

/** An error whose message is sent to the caller. Anything else that is thrown becomes `internal`, without details. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly fields: FieldError[] | undefined;
  readonly retryAfter: number | undefined;
  readonly outcome: 'unknown' | undefined;

  /** @param detail explanation for the caller; defaults to the code's title */
  constructor(code: ErrorCode, detail: string = codes[code].title, options: ErrorOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.fields = options.fields;
    this.retryAfter = options.retryAfter ?? (code === 'unavailable' || code === 'rate_limited' ? 1 : undefined);
    this.outcome = options.outcome;
  }

  get status(): number {
    return codes[this.code].status;
  }
}

/** Creates the error for invalid input, which lists each invalid field with the reason. */
export function invalid(...fields: FieldError[]): AppError {
  return new AppError('invalid', fields.map(({ field, message }) => `${field} ${message}`).join('; '), { fields });
}

/** Refuses unknown names, which would otherwise be ignored silently. @throws AppError invalid */
export function requireKnown(given: object, known: readonly string[], message: string): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw invalid(...unknown.slice(0, 20).map((name) => ({ field: name.slice(0, 100), message })));
}

/** RFC 9457 problem details, with one of the stable codes above. */
export interface Problem extends Omit<ErrorOptions, 'cause'> {
  type: string;
  title: string;
  status: number;
  detail?: string | undefined;
  code: ErrorCode;
}

/** Converts any thrown value to an AppError. Other errors are bugs, and their messages are not sent to the caller. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'Unexpected error. The log of the service has the details.', { cause: error });
}

/** Returns the body of an error response, the same over HTTP and NATS. JSON leaves out undefined fields. */
export function toProblem({ code, message, fields, retryAfter, outcome }: AppError): Problem {
  return { type: 'about:blank', ...codes[code], detail: message, code, fields, retryAfter, outcome };
}

/** Converts a problem that another service sent back to the error it was there. */
export function fromProblem({ code, detail, title, fields, retryAfter, outcome }: Problem): AppError {
  const known = Object.hasOwn(codes, code) ? code : 'internal';
  return new AppError(known, detail ?? title, { fields, retryAfter, outcome });
}

/** Returns whether a service failed to answer, as opposed to refusing the request. */
export function isServiceFailure(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'internal');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
