/** A request of an operation, wherever it comes from, and the way to answer it. */
import type { Context } from 'hono';
import { readIncoming, readRequest } from './body.ts';
import type { FoundRoute } from './plain-routes.ts';
import { type FetchEnvironment, headerOf, remoteAddress } from './server.ts';

/** `R` is what an answer is for those who pass it on: a Response, or nothing where it is sent by that. */
export interface HttpRequest<R> {
  /** Part of the path, decoded. */
  param(name: string): string;
  /** Names and values of the query, decoded. */
  query(): [name: string, value: string][];
  /** @param name in lower case */
  header(name: string): string | undefined;
  /** The body. @throws AppError too_large; unavailable while too many are being read */
  text(): Promise<string>;
  /** Address of the other end of the connection. */
  address(): string;
  /** To be called once. */
  answer(status: number, headers: Readonly<Record<string, string>>, body: string | null): R;
}

/** A request as fetch knows it. */
abstract class FetchRequest implements HttpRequest<Response> {
  readonly #request: Request;
  readonly #environment: FetchEnvironment;

  constructor(request: Request, environment: FetchEnvironment) {
    this.#request = request;
    this.#environment = environment;
  }

  abstract param(name: string): string;
  abstract query(): [string, string][];

  header(name: string): string | undefined {
    return headerOf(this.#request, this.#environment, name);
  }

  text(): Promise<string> {
    const { incoming } = this.#environment;
    return incoming ? readIncoming(incoming) : readRequest(this.#request);
  }

  address(): string {
    return remoteAddress(this.#environment);
  }

  answer(status: number, headers: Readonly<Record<string, string>>, body: string | null): Response {
    return new Response(body, { status, headers });
  }
}

/** The request of a Hono context. */
export class ContextRequest extends FetchRequest {
  readonly #context: Context;

  constructor(context: Context) {
    super(context.req.raw, (context.env ?? {}) as FetchEnvironment);
    this.#context = context;
  }

  param(name: string): string {
    return this.#context.req.param(name) ?? '';
  }

  query(): [string, string][] {
    const { req } = this.#context;
    return req.url.includes('?') ? Object.entries(req.query()) : [];
  }
}

/** One whose route was found without Hono. */
export class PlainRequest extends FetchRequest {
  readonly #route: FoundRoute;

  constructor(request: Request, environment: FetchEnvironment, route: FoundRoute) {
    super(request, environment);
    this.#route = route;
  }

  param(name: string): string {
    return this.#route.param(name);
  }

  query(): [] {
    return [];
  }
}
