/** Operations answered on Node's own request and response, without a Request and a Response between (plain-routes.ts). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { maxBodyBytes, readIncoming } from './body.ts';
import type { HttpRequest } from './http-request.ts';
import type { FoundRoute, PlainRoutes } from './plain-routes.ts';
import { remoteAddress } from './server.ts';

/** Answers a request, or gives false and has done nothing. */
export type Direct = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/** Answers plain requests of operations. */
export function directlyAnswered(routes: PlainRoutes): Direct {
  return (incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    const route = routes.find(method, url);
    if (!route || !isPlain(incoming)) return false;
    void route.handler(new NodeRequest(incoming, outgoing, route));
    return true;
  };
}

/** No page of a browser, for which there are rules, and a body that is small enough to be read to its end. */
function isPlain({ headers }: IncomingMessage): boolean {
  const { origin, 'content-length': length, 'transfer-encoding': encoding } = headers;
  return origin === undefined && encoding === undefined && (length === undefined || Number(length) <= maxBodyBytes);
}

class NodeRequest implements HttpRequest<void> {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #route: FoundRoute;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, route: FoundRoute) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#route = route;
  }

  param(name: string): string {
    return this.#route.param(name);
  }

  query(): [] {
    return [];
  }

  header(name: string): string | undefined {
    return this.#incoming.headers[name] as string | undefined;
  }

  text(): Promise<string> {
    return readIncoming(this.#incoming);
  }

  address(): string {
    return remoteAddress({ incoming: this.#incoming });
  }

  answer(status: number, headers: Readonly<Record<string, string>>, body: string | null): void {
    if (body === null) this.#outgoing.writeHead(status, headers).end();
    else this.#outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  }
}
