/** What a request says beside its input. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { GivenRequest } from '../observe/request-scope.ts';
import { bearerToken, namedUser } from '../operations/access.ts';

/** What the runtime knows of a request beside the Request. */
export interface FetchEnvironment {
  /** Node's own request. */
  incoming?: IncomingMessage;
  /** Deno's connection. */
  remoteAddr?: { hostname?: string };
}

export type Fetch = (request: Request, environment: FetchEnvironment) => Response | Promise<Response>;

/** A header of a request. On Node its own headers are at hand; asking the Request for them would build them all. */
export function headerOf(request: Request, { incoming }: FetchEnvironment, name: string): string | undefined {
  return incoming ? (incoming.headers[name] as string | undefined) : (request.headers.get(name) ?? undefined);
}

/** Address of the other end of a request's connection. */
function remoteAddress({ incoming, remoteAddr }: FetchEnvironment): string {
  return incoming?.socket.remoteAddress ?? remoteAddr?.hostname ?? 'unknown';
}

/** Looks a header up when someone asks for it: on Deno each is a call out of JavaScript. */
export class RequestHeaders implements GivenRequest {
  readonly #request: Request;
  readonly #environment: FetchEnvironment;
  readonly #trustProxy: boolean;

  constructor(c: Context, trustProxy: boolean) {
    this.#request = c.req.raw;
    this.#environment = (c.env ?? {}) as FetchEnvironment;
    this.#trustProxy = trustProxy;
  }

  /** @param name in lower case */
  get(name: string): string | undefined {
    return headerOf(this.#request, this.#environment, name);
  }

  /** @throws AppError unauthenticated for another scheme */
  get token(): string | null {
    return bearerToken(this.get('authorization'));
  }

  /** @throws AppError invalid for what is not percent-encoded */
  get user(): string | null {
    return namedUser(this.get('x-user-id'));
  }

  get traceparent(): string | undefined {
    return this.get('traceparent');
  }

  get requestId(): string | undefined {
    return this.get('x-request-id');
  }

  get position(): string | undefined {
    return this.get('marquee-position');
  }

  /** Of the client. The last entry of X-Forwarded-For is the one that our own proxy wrote. */
  address(): string {
    const forwarded = this.#trustProxy ? this.get('x-forwarded-for') : undefined;
    return forwarded?.split(',').at(-1)?.trim() || remoteAddress(this.#environment);
  }
}
