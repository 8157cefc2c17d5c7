/**
 * Operations found without Hono, where a path is written plainly. On the way through Hono each request gets a Context with
 * its closures and promises, and on Node a Request and a Response beside: up to a quarter of what a small request costs
 * (bench/LOG.md). Whatever is out of the ordinary goes that way all the same, so that there are no two opinions about it.
 */
import { type ParamIndexMap, type ParamStash, UnsupportedPathError } from 'hono/router';
import type { HttpRequest } from './http-request.ts';
import { SegmentRouter } from './router.ts';

/** Answers the requests of an operation. */
export type OperationHandler = <R>(request: HttpRequest<R>) => R | Promise<R>;

/** Nothing encoded, no query behind it, neither `.` nor `..`: such a part of a path means the same to everyone. */
const plainPart = /^[\w~-][\w.~-]*$/;
const longestPath = 1000;

export class PlainRoutes {
  readonly #router = new SegmentRouter<OperationHandler>();

  add(method: string, path: string, handler: OperationHandler): void {
    try {
      this.#router.add(method, path, handler);
    } catch (error) {
      // Then Hono's other router finds it.
      if (!(error instanceof UnsupportedPathError)) throw error;
    }
  }

  /** The operation of a path with all that is behind it; undefined for what Hono has to look at. */
  find(method: string, path: string): FoundRoute | undefined {
    if (path.length > longestPath) return undefined;
    const [[found], values = []] = this.#router.match(method, path);
    if (!found) return undefined;
    const [handler, names] = found as [OperationHandler, ParamIndexMap];
    for (const name in names) if (!plainPart.test(values[names[name] as number] ?? '')) return undefined;
    return new FoundRoute(handler, names, values);
  }
}

/** An operation, with the parts of the path that it was found by. */
export class FoundRoute {
  readonly handler: OperationHandler;
  readonly #names: ParamIndexMap;
  readonly #values: ParamStash;

  constructor(handler: OperationHandler, names: ParamIndexMap, values: ParamStash) {
    this.handler = handler;
    this.#names = names;
    this.#values = values;
  }

  param(name: string): string {
    return this.#values[this.#names[name] as number] ?? '';
  }
}
