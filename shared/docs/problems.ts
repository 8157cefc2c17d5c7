/** Error answers as the documents show them. */
import { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { codes, type ErrorCode, type Problem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import { answerHeaders } from './headers.ts';

const names = Object.keys(codes) as [ErrorCode, ...ErrorCode[]];

export const problemType = z
  .object({
    type: z.string().meta({ description: 'Always about:blank: `code` tells the problems apart' }),
    title: z.string(),
    status: z.int().meta({ description: 'The HTTP status' }),
    detail: z.string().exactOptional().meta({ description: 'What is wrong this time, for people' }),
    code: z.enum(names).meta({ description: 'Stable: programs may rely on it' }),
    fields: z
      .array(z.object({ field: z.string().meta({ description: 'Path such as genres.0' }), message: z.string() }))
      .exactOptional()
      .meta({ description: 'Input fields that do not fit' }),
    retryAfter: z.number().exactOptional().meta({ description: 'Seconds after which a repeat makes sense' }),
    outcome: z
      .literal('unknown')
      .exactOptional()
      .meta({ description: 'A command was sent but not answered: it may have been stored. Repeating it is safe' }),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457)' }) satisfies z.ZodType<Problem>;

/** Everything that an operation can refuse with: what it declares, and what its kind brings with it. */
export function errorsOf(operation: Operation): ErrorCode[] {
  const fields = Object.keys(operation.input.shape);
  const withBody = operation.method === 'POST' || operation.method === 'PUT';
  const possible = new Set<ErrorCode>([...operation.errors, 'invalid', 'unauthenticated', 'internal', 'unavailable']);
  if (fields.includes('idempotencyKey')) possible.add('idempotency_key_reused');
  if (operation.access !== 'public') possible.add('forbidden');
  // A body too large to take, or a page too large to send.
  if (withBody || fields.includes('limit')) possible.add('too_large');
  if (operation.kind === 'command') possible.add('rate_limited');
  return names.filter((code) => possible.has(code));
}

/** The answer for each code: a component of the document where an operation refers to it. */
export const problemResponses = Object.fromEntries(names.map((code) => [code, problemResponse(code)])) as Record<
  ErrorCode,
  ZodOpenApiResponseObject
>;

function problemResponse(code: ErrorCode): ZodOpenApiResponseObject {
  const waits = code === 'unavailable' || code === 'rate_limited';
  const description = 'Seconds after which a repeat makes sense';
  return {
    id: code,
    description: `${codes[code].title} (\`${code}\`)`,
    headers: {
      ...(waits ? { 'Retry-After': { description, schema: { type: 'integer' } } } : {}),
      ...answerHeaders.requestId,
    },
    content: { 'application/problem+json': { schema: problemType } },
  };
}
