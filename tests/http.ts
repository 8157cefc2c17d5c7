/** A small HTTP client: what came back, with the body as JSON. */
import { connect, type Socket } from 'node:net';
import { until } from './until.ts';

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
}

interface RequestOptions {
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
}

/** Sends a request. A body that is not JSON, or none, is `undefined`. */
export async function request<T = Record<string, unknown>>(
  method: string,
  url: string,
  { headers = {}, body }: RequestOptions = {},
): Promise<Reply<T>> {
  const response = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, headers: response.headers, body: parse(await response.text()) as T };
}

/** @example const { status, body } = await get<{ items: { title: string }[] }>(`${movies.url}/movies`); */
export const get = <T = Record<string, unknown>>(url: string, headers: Record<string, string> = {}) =>
  request<T>('GET', url, { headers });

/** @example (await post(`${movies.url}/movies`, { movieId: 1, title: 'Alien' })).status === 201 */
export const post = <T = Record<string, unknown>>(url: string, body: unknown, headers: Record<string, string> = {}) =>
  request<T>('POST', url, { body, headers });

/** Sets a reminder that is due in a moment; again, where a slow machine looks at it too late. */
export const remindSoon = <T = Record<string, unknown>>(url: string, headers: Record<string, string> = {}) =>
  until(async () => {
    const reply = await post<T>(url, { remindAt: new Date(Date.now() + 1500).toISOString() }, headers);
    return reply.status === 400 ? undefined : reply;
  }, 'a reminder to be set');

export const put = <T = Record<string, unknown>>(url: string, body: unknown, headers: Record<string, string> = {}) =>
  request<T>('PUT', url, { body, headers });

export const del = <T = Record<string, unknown>>(url: string, headers: Record<string, string> = {}) =>
  request<T>('DELETE', url, { headers });

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a service says that it takes requests, commands too. */
export async function isWell(url: string): Promise<boolean> {
  const { status, body } = await get<{ degraded: boolean }>(`${url}/readyz`);
  return status === 200 && !body.degraded;
}

/** A connection that begins a request, byte by byte as given, and never ends it; `reply` is what came back. */
export function beginRequest(port: number, text: string): { socket: Socket; reply: () => string } {
  let received = '';
  const socket = connect(port, '127.0.0.1');
  socket
    .on('error', () => {})
    .on('data', (data) => {
      received += String(data);
    });
  socket.write(text);
  return { socket, reply: () => received };
}
