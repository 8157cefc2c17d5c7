/** Runs an HTTP server on Node or Deno. */
import { createServer, type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { AppError, toAppError, toProblem } from '../operations/errors.ts';
import { problem } from './reply.ts';
import type { Fetch } from './request.ts';

export interface Server {
  port: number;
  /** Stops accepting connections, finishes requests in flight, and closes the remaining connections after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

interface DenoRuntime {
  serve(options: object, handler: Fetch): { addr: { port: number }; shutdown(): Promise<void> };
}

const deno = (globalThis as { Deno?: DenoRuntime }).Deno;

export const runtimeName = deno ? `Deno ${process.versions.deno}` : `Node ${process.versions.node}`;

/** Listens on a port (0: any free one). @throws Error that names the address, if it is in use */
export function serve(fetch: Fetch, host: string, port: number): Promise<Server> {
  return deno ? serveOnDeno(deno, fetch, host, port) : listen(fetch, host, port);
}

async function serveOnDeno(runtime: DenoRuntime, fetch: Fetch, hostname: string, port: number): Promise<Server> {
  const abort = new AbortController();
  try {
    const server = runtime.serve({ hostname, port, signal: abort.signal, onListen: () => {} }, fetch);
    return {
      port: server.addr.port,
      async close(graceMs) {
        const timer = setTimeout(() => abort.abort(), graceMs);
        await server.shutdown();
        clearTimeout(timer);
      },
    };
  } catch (error) {
    throw portError(error, `${hostname}:${port}`);
  }
}

/**
 * Time after which a connection without traffic is closed; twice that if a client does not read its response. Clients
 * and proxies close theirs earlier, so that they send no request into a closing one, and live events are sent more
 * often (live-http.ts). It replaces Node's keep-alive timeout, whose timer costs a twentieth of a request.
 */
const idleTimeoutMs = 75_000;
/** Time for a client to read the response to a malformed request before its connection is closed. */
const refusalLingerMs = 1000;
/** Time until `close` closes connections that have not sent anything. */
const unusedTimeoutMs = 300;
/** Limits for clients that send slowly or too much. Times are in milliseconds. */
const serverOptions = {
  headersTimeout: 10_000,
  // Idle connections are closed by idleTimeoutMs.
  keepAliveTimeout: 0,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5000,
  /** URL and headers together, in bytes. */
  maxHeaderSize: 65_536,
  /** As on Deno: a repeated header has all its values. Node would take the first, and a proxy possibly the last. */
  joinDuplicateHeaders: true,
};

function listen(fetch: Fetch, hostname: string, port: number): Promise<Server> {
  const respond = getRequestListener(fetch as Parameters<typeof getRequestListener>[0], {
    hostname,
    errorHandler: (error) =>
      problem(
        error instanceof RequestError
          ? new AppError('invalid', 'The Host header or the URL is not valid.')
          : toAppError(error),
      ),
  });
  return new Promise((resolve, reject) => {
    const server = createServer(serverOptions, respond);
    server.timeout = idleTimeoutMs;
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => void sockets.add(socket.once('close', () => sockets.delete(socket))));
    server.on('clientError', refuseMalformed);
    server.once('error', (error) => reject(portError(error, `${hostname}:${port}`)));
    server.listen(port, hostname, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => closeNode(server, sockets, graceMs),
      });
    });
  });
}

/** Responds to a request that Node cannot parse. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  // The response has already been sent; further input is discarded.
  if (socket.writableEnded) return;
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, refused] = refusalOf(error.code);
  const body = JSON.stringify({ ...toProblem(refused), status });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  socket.resume();
  setTimeout(() => socket.destroy(), refusalLingerMs).unref();
}

function refusalOf(code: string | undefined): [status: number, AppError] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = `The URL and headers are too large: together at most ${serverOptions.maxHeaderSize} bytes.`;
    return [431, new AppError('too_large', detail)];
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, new AppError('invalid', 'The request did not arrive in time.')];
  return [400, new AppError('invalid', 'This is not a valid HTTP request.')];
}

function closeNode(server: HttpServer, sockets: Set<Socket>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    // Each response from now on is the last of its connection, so that no client sends a request into a closing one.
    server.prependListener('request', (_request, response) => {
      response.shouldKeepAlive = false;
    });
    // Kept-alive connections become idle one by one.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    // Browsers open connections in advance, and Node counts unused ones as busy. The delay lets a first request arrive.
    const unused = setTimeout(() => {
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, unusedTimeoutMs);
    server.close(() => {
      clearTimeout(timer);
      clearTimeout(unused);
      clearInterval(idle);
      resolve();
    });
  });
}

function portError(error: unknown, address: string): Error {
  const { code, name, message } = error as { code?: string; name?: string; message: string };
  const taken = code === 'EADDRINUSE' || name === 'AddrInUse';
  return new Error(taken ? `${address} is in use by another program` : `cannot listen on ${address}: ${message}`);
}
