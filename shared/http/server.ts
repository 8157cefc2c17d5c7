/** The servers of Node and Deno. */
import { createServer, type Server as HttpServer, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import { AppError, toAppError, toProblem } from '../operations/errors.ts';
import { problem } from './reply.ts';
import type { Fetch } from './request.ts';

export interface Server {
  port: number;
  /** Takes no new connections, finishes requests in flight, and ends the rest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

interface DenoRuntime {
  serve(options: object, handler: Fetch): { addr: { port: number }; shutdown(): Promise<void> };
}

const deno = (globalThis as { Deno?: DenoRuntime }).Deno;

export const runtimeName = deno ? `Deno ${process.versions.deno}` : `Node ${process.versions.node}`;

/** Listens on a port (0: any). @throws Error naming the port when it is taken */
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
 * A connection on which nothing moves is cut off: longer than clients and proxies keep an idle one, else their next request
 * runs into its end. Live events say something more often (live-http.ts). Where a client takes nothing of its answer, Node
 * waits once more. One limit for both: with two it makes two timers for every request, a twentieth of what that costs.
 */
const silentMs = 75_000;
/** How long who sent no request may take to read what was wrong with it, in milliseconds. */
const refusedMs = 1000;
/** How long a connection without a request holds up an end. */
const unusedMs = 300;
/** Clients that send slowly, or nothing, hold a connection only for so long (milliseconds). */
const serverOptions = {
  headersTimeout: 10_000,
  // Idle ones end by silentMs, too.
  keepAliveTimeout: 0,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5000,
  /** URL and headers together, in bytes. */
  maxHeaderSize: 65_536,
  /** As Deno: a header that is there twice is read as both. Node would take the first, and a proxy maybe the last. */
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
    server.timeout = silentMs;
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => void sockets.add(socket.once('close', () => sockets.delete(socket))));
    server.on('clientError', refuseUnreadable);
    server.once('error', (error) => reject(portError(error, `${hostname}:${port}`)));
    server.listen(port, hostname, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => closeNode(server, sockets, graceMs),
      });
    });
  });
}

/** Responds to what is no request that Node can read. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Its reply is on the way: whatever else it sends is thrown away until it has read that.
  if (socket.writableEnded) return;
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, refused] = unreadable(error.code);
  const body = JSON.stringify({ ...toProblem(refused), status });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`);
  socket.resume();
  setTimeout(() => socket.destroy(), refusedMs).unref();
}

function unreadable(code: string | undefined): [status: number, AppError] {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = `The URL and the headers together may have ${serverOptions.maxHeaderSize} bytes.`;
    return [431, new AppError('too_large', detail)];
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, new AppError('invalid', 'The request did not come in time.')];
  return [400, new AppError('invalid', 'This is no HTTP request.')];
}

function closeNode(server: HttpServer, sockets: Set<Socket>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    // Kept-alive connections become idle one by one as their last request ends.
    // An answer from now on is the last of its connection, so that no client sends another request into the end of it.
    server.prependListener('request', (_request, response) => {
      response.shouldKeepAlive = false;
    });
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    // Such as browsers open in advance, and never use: to Node they are busy. A request may be on its way on one that is new.
    const unused = setTimeout(() => {
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, unusedMs);
    server.close(() => {
      clearTimeout(timer);
      clearTimeout(unused);
      clearInterval(idle);
      resolve();
    });
  });
}

function portError(error: unknown, address: string): Error {
  const { code, name } = error as { code?: string; name?: string };
  const taken = code === 'EADDRINUSE' || name === 'AddrInUse';
  return new Error(taken ? `${address} is in use by another program` : `cannot listen on ${address}`, { cause: error });
}
