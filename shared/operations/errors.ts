/** The error vocabulary of every service. Numbers for HTTP and NATS are given here and nowhere else. */

/** Codes that clients may rely on: the HTTP status (and `Nats-Service-Error-Code`) of each, and what it means, for people. */
export const codes = {
  invalid: { status: 400, title: 'The request is not valid' },
  unauthenticated: { status: 401, title: 'Who is calling is not known' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  conflict: { status: 409, title: 'The request conflicts with the present state' },
  precondition_failed: { status: 412, title: 'The revision has changed' },
  too_large: { status: 413, title: 'The request is too large' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was sent with another request before' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong here' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const;

export type ErrorCode = keyof typeof codes;

/** One input field that does not fit. `field` is a dotted path such as `genres.0`. */
export interface FieldError {
  field: string;
  message: string;
}

export interface ErrorOptions {
  fields?: FieldError[] | undefined;
  /** Seconds after which a repeat makes sense; sent as Retry-After. */
  retryAfter?: number | undefined;
  /** Set when a command was sent but not answered: it may have been stored. Repeating it is safe. */
  outcome?: 'unknown' | undefined;
  cause?: unknown;
}

/** A refusal that the caller is told about. Anything else that is thrown becomes `internal`, with no detail. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly fields: FieldError[] | undefined;
  readonly retryAfter: number | undefined;
  readonly outcome: 'unknown' | undefined;

  /** @param detail where there is more to say than what the code means */
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

/** The refusal of input: each field that does not fit with what is wrong with it. */
export function invalid(...fields: FieldError[]): AppError {
  return new AppError('invalid', fields.map(({ field, message }) => `${field} ${message}`).join('; '), { fields });
}

/** @throws AppError invalid for names that are none of the known ones: they would be ignored without a word. */
export function requireKnown(given: object, known: readonly string[], message: string): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw invalid(...unknown.slice(0, 20).map((name) => ({ field: name.slice(0, 100), message })));
}

/** RFC 9457 problem details, with the stable `code` of the vocabulary above. */
export interface Problem extends Omit<ErrorOptions, 'cause'> {
  type: string;
  title: string;
  status: number;
  detail?: string | undefined;
  code: ErrorCode;
}

/** Any thrown value as an AppError. What is not one is a defect of ours: its message stays out of the answer. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'An unexpected error; the log of the service has the details.', { cause: error });
}

/** The body of an error answer, the same over HTTP and NATS. In JSON it lacks what is undefined. */
export function toProblem({ code, message, fields, retryAfter, outcome }: AppError): Problem {
  return { type: 'about:blank', ...codes[code], detail: message, code, fields, retryAfter, outcome };
}

/** A problem that another service sent, as the error it was there. */
export function fromProblem({ code, detail, title, fields, retryAfter, outcome }: Problem): AppError {
  const known = Object.hasOwn(codes, code) ? code : 'internal';
  return new AppError(known, detail ?? title, { fields, retryAfter, outcome });
}

/** Whether an error says that a service could not be asked, as against what it answered. */
export function isAway(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'unavailable' || error.code === 'internal');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
