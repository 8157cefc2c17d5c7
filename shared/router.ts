/** The router of our routes. Of Hono's, the fast one refuses /movies/:movieId beside /movies/search; the other is slow. */
import { type Result, type Router, UnsupportedPathError } from 'hono/router';

interface Pattern<T> {
  /** Null where a parameter is. */
  segments: (string | null)[];
  /** The handler, with the places of its parameters among the segments. */
  handlers: [T, Record<string, number>][];
}

/** The routes of one method. */
class Routes<T> {
  readonly fixed = new Map<string, Result<T>>();
  /** By their first segment, which is fixed. */
  readonly patterns = new Map<string, Pattern<T>[]>();

  match(path: string): Result<T> | undefined {
    const fixed = this.fixed.get(path);
    if (fixed) return fixed;
    const segments = path.split('/');
    for (const { segments: expected, handlers } of this.patterns.get(segments[1] ?? '') ?? []) {
      if (fits(expected, segments)) return [handlers, segments];
    }
    return undefined;
  }
}

function fits(expected: (string | null)[], segments: string[]): boolean {
  if (expected.length !== segments.length) return false;
  for (let i = 2; i < segments.length; i++) {
    if (expected[i] === null ? segments[i] === '' : expected[i] !== segments[i]) return false;
  }
  return true;
}

const plain = /^\/([^/:*?{}]+(\/([^/:*?{}]+|:\w+))*)?$/;

/**
 * Takes paths of fixed segments and of parameters that are a whole segment each, the first segment fixed. One handler
 * answers: the first whose path fits. Refuses other paths, and all that is for several handlers, by an
 * UnsupportedPathError, with which a SmartRouter goes on to its next router.
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
    const segments = path.split('/').map((segment) => (segment.startsWith(':') ? null : segment));
    if (!segments.includes(null)) {
      routes.fixed.set(path, [[[handler, {}]], []]);
      return;
    }
    const names = path.split('/').flatMap((segment, at): [string, number][] => {
      return segment.startsWith(':') ? [[segment.slice(1), at]] : [];
    });
    const first = segments[1] as string;
    const beside = routes.patterns.get(first) ?? [];
    routes.patterns.set(first, [...beside, { segments, handlers: [[handler, Object.fromEntries(names)]] }]);
  }

  match(method: string, path: string): Result<T> {
    return this.#methods.get(method)?.match(path) ?? this.#none;
  }
}
