/** What a request says beside its input. */
import type { Context } from 'hono';
import type { GivenRequest } from '../observe/request-scope.ts';
import { bearerToken, namedUser } from '../operations/access.ts';
import { type FetchEnvironment, headerOf, remoteAddress } from './server.ts';

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
