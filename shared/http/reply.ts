/** Responses: what an operation has answered with its headers, and errors as problems. */
import type { JsonResponse } from '../operations/endpoint.ts';
import { type AppError, toProblem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import type { RequestHeaders } from './request.ts';

const json = { 'content-type': 'application/json' };
const problemJson = { 'content-type': 'application/problem+json' };

/** An error as an RFC 9457 response. */
export function problem(error: AppError, added: Record<string, string> = {}): Response {
  const headers: Record<string, string> = { ...problemJson, ...added };
  if (error.retryAfter !== undefined) headers['retry-after'] = String(error.retryAfter);
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer';
  return new Response(JSON.stringify(toProblem(error)), { status: error.status, headers });
}

/**
 * The response for what an operation has answered; 304 where the client knows it already.
 * Its headers are complete when it is made: one that is set later makes @hono/node-server convert them all.
 * @param requestId what the client calls the request, if it does
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
    const unchanged = operation.method === 'GET' && isKnown(headers.etag, request.get('if-none-match'));
    if (unchanged) return new Response(null, { status: 304, headers });
  }
  return new Response(body, { status, headers });
}

/** Whether If-None-Match names the revision: in a list, in weak form, or by `*`. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch === etag) return ifNoneMatch === etag;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
