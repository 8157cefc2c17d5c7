/** Sends requests without pause and counts their outcomes. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/operations/errors.ts';
import { until } from '../harness.ts';
import type { Round } from './round.ts';

type Kind = 'reads' | 'likes';

export interface Counted {
  answered: number;
  failures: string[];
  /** Longest time without a successful request, in milliseconds. */
  longestGapMs: number;
}

/** How long reads and likes may fail, in milliseconds; 0: no request may fail. */
export type Gaps = Record<Kind, number>;

/** Reads and likes a movie from several clients until stopped. */
export class Load {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #clients: Promise<void>[];
  readonly #tag = Math.random().toString(36).slice(2, 8);
  /** Likes answered with 2xx, which are durable and count once. */
  readonly result: Record<Kind, Counted> = {
    reads: { answered: 0, failures: [], longestGapMs: 0 },
    likes: { answered: 0, failures: [], longestGapMs: 0 },
  };
  readonly #lastSuccess: Record<Kind, number> = { reads: performance.now(), likes: performance.now() };
  #stopped = false;
  #next = 0;

  constructor(url: string, movieId: number, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#headers = headers;
    const four = (client: () => Promise<void>): Promise<void>[] =>
      Array.from({ length: 4 }, () => this.#client(client));
    // Separate clients, so that a like that waits for an election does not delay reads.
    this.#clients = [
      ...four(() => this.#try('reads', `/movies/${movieId}`)),
      ...four(() => this.#try('likes', `/votes/${movieId}/like`, { voterId: `${this.#tag}-${this.#next++}` })),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client(request: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await request();
      await sleep(5);
    }
  }

  async #try(kind: Kind, path: string, body?: unknown): Promise<void> {
    try {
      const response = await fetch(this.#url + path, {
        headers: { ...this.#headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
      const result = this.result[kind];
      const now = performance.now();
      result.answered++;
      result.longestGapMs = Math.max(result.longestGapMs, now - this.#lastSuccess[kind]);
      this.#lastSuccess[kind] = now;
    } catch (error) {
      const { message, cause } = error as Error;
      this.result[kind].failures.push(`${kind}: ${message}${cause ? ` (${(cause as Error).message})` : ''}`);
      await sleep(20);
    }
  }
}

/** Disturbs the system under load. Requests may only fail for as long as `allowed` says. */
export async function underLoad(
  round: Round,
  disturb: () => Promise<unknown>,
  allowed: Gaps = { reads: 0, likes: 0 },
): Promise<string> {
  const load = new Load(round.url, 1, round.headers);
  const flows = (likes: number, what: string): Promise<boolean> => {
    return until(() => load.result.likes.answered > likes, what).catch((error: unknown) => {
      throw new Error(`${messageOf(error)}; the last that failed: ${load.result.likes.failures.at(-1)}`);
    });
  };
  try {
    await flows(20, 'the load to flow');
    await disturb();
    await flows(load.result.likes.answered + 50, 'the load to flow again');
  } finally {
    await load.stop();
  }
  const { reads, likes } = load.result;
  // A like without an answer may or may not be stored; an acknowledged one must be.
  const { likes: counted } = await round.votes();
  const answered = round.likes + likes.answered;
  assert.ok(counted >= answered, `${answered} likes were answered, ${counted} are there`);
  assert.ok(counted <= answered + likes.failures.length, `${counted} likes are there, more than were sent`);
  round.likes = counted;
  const said = Object.entries({ reads, likes }).map(([kind, { answered, failures, longestGapMs }]) => {
    return `${answered} ${kind}, ${failures.length} failed, longest gap ${Math.round(longestGapMs)} ms`;
  });
  for (const [kind, { failures, longestGapMs }] of Object.entries({ reads, likes })) {
    const limit = allowed[kind as Kind];
    if (limit === 0) assert.deepEqual([...new Set(failures)], [], `no request fails (${said.join('; ')})`);
    else assert.ok(longestGapMs < limit, `${longestGapMs} ms without a success: ${failures[0]}`);
  }
  return said.join('; ');
}
