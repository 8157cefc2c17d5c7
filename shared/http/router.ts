/** The router of our routes. Of Hono's, the fast one refuses /movies/:movieId beside /movies/search; the other is slow. */
import { type Result, type Router, UnsupportedPathError } from 'hono/router';

interface Pattern<T> {
  /** What is before its first parameter. */
  start: string;
  whole: RegExp;
  /** The handler, with the number of the group of each parameter. */
  handlers: [T, Record<string, number>][];
}

/** The routes of one method. */
class Routes<T> {
  readonly fixed = new Map<string, Result<T>>();
  readonly patterns: Pattern<T>[] = [];

  match(path: string): Result<T> | undefined {
    const fixed = this.fixed.get(path);
    if (fixed) return fixed;
    for (const { start, whole, handlers } of this.patterns) {
      if (!path.startsWith(start)) continue;
      // Splitting the path would take a microsecond on Deno, more than all else here.
      const groups = whole.exec(path);
      if (groups) return [handlers, groups];
    }
    return undefined;
  }
}

const plain = /^(\/|(\/([\w.-]+|:\w+))+)$/;

/**
 * Takes paths of fixed segments and of parameters that are a whole segment each. One handler answers: the first whose
 * path fits. Refuses other paths, and all that is for several handlers, by an UnsupportedPathError, with which a
 * SmartRouter goes on to its next router.
 * @example new SmartRouter({ routers: [new SegmentRouter(), new TrieRouter()] })
 */
export class SegmentRouter<T> implements Router<T> {
  readonly name = 'SegmentRouter';
  readonly #methods = new Map<string, Routes<T>>();
  readonly #none: Result<T> = [[], []];

  add(method: string, path: string, handler: T): void {
    if (method === 'ALL' || !plain.test(path)) throw new UnsupportedPathError(path);
    const routes = this.#methods.get(method) ?? new Routes<T>();
    this.#methods.set(method, routes);
    // Fixed paths are looked at first, so they have to be the first that fit.
    if (routes.match(path)) throw new UnsupportedPathError(path);
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name], index) => [name as string, index + 1] as const);
    if (names.length === 0) {
      routes.fixed.set(path, [[[handler, {}]], []]);
      return;
    }
    routes.patterns.push({
      start: path.slice(0, path.indexOf(':')),
      whole: new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '([^/]+)')}$`),
      handlers: [[handler, Object.fromEntries(names)]],
    });
  }

  match(method: string, path: string): Result<T> {
    return this.#methods.get(method)?.match(path) ?? this.#none;
  }
}
