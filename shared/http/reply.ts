/** Turns the responses of operations, and errors, into HTTP responses. */
import type { JsonResponse } from '../operations/endpoint.ts';
import { type AppError, toProblem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import type { RequestHeaders } from './request.ts';

const json = { 'content-type': 'application/json' };
const problemJson = { 'content-type': 'application/problem+json' };

/** Returns an error as problem details (RFC 9457). */
export function problem(error: AppError, added: Record<string, string> = {}): Response {
  const headers: Record<string, string> = { ...problemJson, ...added };
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer';
  return new Response(JSON.stringify(toProblem(error)), { status: error.status, headers });
}

/**
 * Returns the HTTP response for an operation's response; 304 if the client already has that revision. All headers are
 * set at construction, because setting one later makes @hono/node-server convert them all.
 * @param requestId the request id that the client sent, to be returned to it
 */
export function responseOf(
  operation: Operation,
  request: RequestHeaders,
  { body, status = operation.success, revision, location, position }: JsonResponse,
  requestId: string | undefined,
): Response {
  const headers: Record<string, string> = { ...json };
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (location !== undefined) headers.location = location;
  if (position !== undefined) headers['marquee-position'] = position;
  if (revision !== undefined) {
    headers.etag = `"${revision}"`;
    const unchanged = operation.method === 'GET' && matches(headers.etag, request.get('if-none-match'));
    if (unchanged) return new Response(null, { status: 304, headers });
  }
  return new Response(body, { status, headers });
}

/** Returns whether If-None-Match names the ETag: alone, in a list, in weak form, or by `*`. */
function matches(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch === etag) return ifNoneMatch === etag;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
