/** The error vocabulary of every service. Numbers for HTTP and NATS are given here and nowhere else. */

/** Codes that clients may rely on, with the HTTP status (and `Nats-Service-Error-Code`) of each. */
export const statusOf = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof statusOf;

/** What each code means, for people. */
export const titles: Record<ErrorCode, string> = {
  invalid: 'The request is not valid',
  unauthenticated: 'Who is calling is not known',
  forbidden: 'The caller may not do this',
  not_found: 'There is no such thing',
  method_not_allowed: 'The method is not allowed here',
  conflict: 'The request conflicts with the present state',
  precondition_failed: 'The revision has changed',
  too_large: 'The request is too large',
  idempotency_key_reused: 'The Idempotency-Key was sent with another request before',
  rate_limited: 'Too many requests',
  internal: 'Something went wrong here',
  unavailable: 'Not available at the moment',
};

/** One input field that does not fit. `field` is a dotted path such as `genres.0`. */
export interface FieldError {
  field: string;
  message: string;
}

export interface ErrorOptions {
  fields?: FieldError[];
  /** Seconds after which a repeat makes sense; sent as Retry-After. */
  retryAfter?: number;
  /** Set when a command was sent but not answered: it may have been stored. Repeating it is safe. */
  outcome?: 'unknown';
  cause?: unknown;
}

/** A refusal that the caller is told about. Anything else that is thrown becomes `internal`, with no detail. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly fields: FieldError[] | undefined;
  readonly retryAfter: number | undefined;
  readonly outcome: 'unknown' | undefined;

  constructor(code: ErrorCode, detail: string, options: ErrorOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.fields = options.fields;
    this.retryAfter = options.retryAfter ?? (code === 'unavailable' || code === 'rate_limited' ? 1 : undefined);
    this.outcome = options.outcome;
  }

  get status(): number {
    return statusOf[this.code];
  }
}

/** The refusal of input: each field that does not fit with what is wrong with it. */
export function invalid(...fields: FieldError[]): AppError {
  return new AppError('invalid', fields.map(({ field, message }) => `${field}: ${message}`).join('; '), { fields });
}

/** The refusal of a request whose Idempotency-Key came with another one before. */
export function keyReused(): AppError {
  return new AppError(
    'idempotency_key_reused',
    'Of one Idempotency-Key all requests must be the same: send a new one.',
  );
}

/** RFC 9457 problem details, with the stable `code` of the vocabulary above. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: ErrorCode;
  fields?: FieldError[];
  retryAfter?: number;
  outcome?: 'unknown';
}

/** Any thrown value as an AppError. What is not one is a defect of ours: its message stays out of the answer. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', 'An unexpected error; the log of the service has the details.', { cause: error });
}

/** The body of an error answer, the same over HTTP and NATS. */
export function toProblem(error: AppError): Problem {
  return {
    type: 'about:blank',
    title: titles[error.code],
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.fields ? { fields: error.fields } : {}),
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    ...(error.outcome ? { outcome: error.outcome } : {}),
  };
}

/** A problem that another service sent, as the error it was there. */
export function fromProblem(problem: Problem): AppError {
  const code = Object.hasOwn(statusOf, problem.code) ? problem.code : 'internal';
  return new AppError(code, problem.detail ?? problem.title, {
    ...(problem.fields ? { fields: problem.fields } : {}),
    ...(problem.retryAfter === undefined ? {} : { retryAfter: problem.retryAfter }),
    ...(problem.outcome ? { outcome: problem.outcome } : {}),
  });
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
