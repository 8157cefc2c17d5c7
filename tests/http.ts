/** A small HTTP client for JSON. */
import { connect, type Socket } from 'node:net';
import { until } from './until.ts';

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
}

interface RequestOptions {
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent unchanged. */
  body?: unknown;
}

/** Sends a request. The body of the reply is `undefined` if it is empty or not JSON. */
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

/** Sets a reminder that is due in 1.5 s. Retries when a slow machine handles the request after that time. */
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

/** Returns whether a service reports that it accepts requests, including commands. */
export async function isWell(url: string): Promise<boolean> {
  const { status, body } = await get<{ degraded: boolean }>(`${url}/readyz`);
  return status === 200 && !body.degraded;
}

/** Opens a connection, sends the beginning of a request, and leaves it open; `reply` returns the bytes received. */
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
