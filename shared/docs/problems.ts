/** The problem responses in the documents. */
import { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { codes, type ErrorCode, type Problem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { responseHeaders } from './headers.ts';

const names = Object.keys(codes) as [ErrorCode, ...ErrorCode[]];

export const problemType = z
  .object({
    type: z.string().describe('Always about:blank; `code` identifies the problem'),
    title: z.string(),
    status: z.int().describe('The HTTP status'),
    detail: z.string().exactOptional().describe('Human-readable description of this occurrence'),
    code: z.enum(names).describe('Stable code that programs may rely on'),
    fields: z
      .array(z.object({ field: z.string().describe('Path such as genres.0'), message: z.string() }))
      .exactOptional()
      .describe('Invalid input fields'),
    retryAfter: z.number().exactOptional().describe('Seconds to wait before a retry'),
    outcome: z
      .literal('unknown')
      .exactOptional()
      .describe(
        'The command was not confirmed and may have been stored. A retry is safe; a new ticket, and a like without a user, ' +
          'need an Idempotency-Key for that',
      ),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' }) satisfies z.ZodType<Problem>;

/** Returns all error codes of an operation: those that it declares, and those that follow from its kind and input. */
export function errorsOf(operation: Operation): ErrorCode[] {
  const fields = Object.keys(operation.input.shape);
  const withBody = operation.method === 'POST' || operation.method === 'PUT';
  const possible = new Set<ErrorCode>([...operation.errors, 'invalid', 'unauthenticated', 'internal', 'unavailable']);
  if (fields.includes('idempotencyKey')) possible.add('idempotency_key_reused');
  if (operation.access !== 'public') possible.add('forbidden');
  // The body may be too large to accept, or the page too large to send.
  if (withBody || fields.includes('limit')) possible.add('too_large');
  if (operation.kind === 'command') possible.add('rate_limited');
  return names.filter((code) => possible.has(code));
}

/** The response for each code. zod-openapi makes it a component of the document because of its `id`. */
export const problemResponses = Object.fromEntries(names.map((code) => [code, problemResponse(code)])) as Record<
  ErrorCode,
  ZodOpenApiResponseObject
>;

function problemResponse(code: ErrorCode): ZodOpenApiResponseObject {
  const mayRetry = code === 'unavailable' || code === 'rate_limited';
  const description = 'Seconds to wait before a retry';
  return {
    id: code,
    description: `${codes[code].title} (\`${code}\`)`,
    headers: {
      ...(mayRetry ? { 'Retry-After': { description, schema: { type: 'integer' } } } : {}),
      ...responseHeaders.requestId,
    },
    content: { 'application/problem+json': { schema: problemType } },
  };
}
