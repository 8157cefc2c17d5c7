/** What an answer says beside its body: status, and headers such as ETag. */

import type { RequestScope } from '../observe/request-scope.ts';
import type { JsonResponse } from '../operations/endpoint.ts';
import { type AppError, toProblem } from '../operations/errors.ts';
import type { Operation } from '../operations/operation.ts';
import type { HttpRequest } from './http-request.ts';

const json = { 'content-type': 'application/json' };
const problemJson = { 'content-type': 'application/problem+json' };

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | null;
}

/** An error as an RFC 9457 answer, with the id under which the log knows the request. */
export function problemReply(error: AppError, requestId?: string): Reply {
  const headers = {
    ...problemJson,
    ...(requestId === undefined ? {} : { 'x-request-id': requestId }),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
    ...(error.code === 'unauthenticated' ? { 'www-authenticate': 'Bearer' } : {}),
  };
  return { status: error.status, headers, body: JSON.stringify(toProblem(error)) };
}

/** The same as a Response. */
export function problem(error: AppError): Response {
  const { status, headers, body } = problemReply(error);
  return new Response(body, { status, headers });
}

/** What an operation has answered, or that the client knows it already (304). */
export function replyOf(
  operation: Operation,
  request: HttpRequest<unknown>,
  encoded: JsonResponse,
  exchange: RequestScope,
): Reply {
  const { body } = encoded;
  const status = encoded.status ?? operation.success;
  const requestId = exchange.givenRequestId;
  const plain = status < 400 ? json : problemJson;
  if (encoded.revision === undefined && encoded.location === undefined && requestId === undefined) {
    return { status, headers: plain, body };
  }
  const headers: Record<string, string> = { ...plain };
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  if (encoded.location !== undefined) headers.location = encoded.location;
  if (encoded.revision !== undefined) {
    headers.etag = `"${encoded.revision}"`;
    const asksForNews = operation.method === 'GET' && isKnown(headers.etag, request.header('if-none-match'));
    if (asksForNews) return { status: 304, headers, body: null };
  }
  return { status, headers, body };
}

/** Whether If-None-Match names the revision: in a list, in weak form, or by `*`. */
function isKnown(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch === etag) return ifNoneMatch === etag;
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
