/** Requests without a pause, and a count of what came of them. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness.ts';
import type { Round } from './round.ts';

export interface LoadResult {
  reads: number;
  /** Likes that were answered with 2xx: each is durable and counts once. */
  likes: number;
  failures: string[];
  /** The longest time in a row without any success, in milliseconds. */
  longestGapMs: number;
}

/** Reads and likes a movie from several clients until it is stopped. */
export class Load {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #clients: Promise<void>[];
  readonly #tag = Math.random().toString(36).slice(2, 8);
  readonly result: LoadResult = { reads: 0, likes: 0, failures: [], longestGapMs: 0 };
  #lastSuccess = performance.now();
  #stopped = false;
  #next = 0;

  constructor(url: string, movieId: number, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#headers = headers;
    this.#clients = Array.from({ length: 8 }, () => this.#client(movieId));
  }

  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return this.result;
  }

  async #client(movieId: number): Promise<void> {
    while (!this.#stopped) {
      await this.#try('reads', `/movies/${movieId}`);
      await this.#try('likes', `/votes/${movieId}/like`, { voterId: `${this.#tag}-${this.#next++}` });
      await sleep(5);
    }
  }

  async #try(kind: 'reads' | 'likes', path: string, body?: unknown): Promise<void> {
    try {
      const response = await fetch(this.#url + path, {
        headers: { ...this.#headers, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 200)}`);
      this.result[kind]++;
      const now = performance.now();
      this.result.longestGapMs = Math.max(this.result.longestGapMs, now - this.#lastSuccess);
      this.#lastSuccess = now;
    } catch (error) {
      const { message, cause } = error as Error;
      this.result.failures.push(`${kind}: ${message}${cause ? ` (${(cause as Error).message})` : ''}`);
      await sleep(20);
    }
  }
}

/** Disturbs the system under load. No request may fail but where `allowGapMs` says for how long. */
export async function underLoad(round: Round, disturb: () => Promise<unknown>, allowGapMs = 0): Promise<string> {
  const load = new Load(round.url, 1);
  await until(() => load.result.likes > 20, 'the load to flow');
  await disturb();
  const before = load.result.likes;
  await until(() => load.result.likes > before + 50, 'the load to flow again');
  const { reads, likes, failures, longestGapMs } = await load.stop();
  // A like without an answer may be stored or not; one with an answer is.
  const { likes: counted } = await round.votes();
  assert.ok(counted >= round.likes + likes, `${round.likes + likes} likes were answered, ${counted} are there`);
  const unanswered = failures.filter((failure) => failure.startsWith('likes')).length;
  assert.ok(counted <= round.likes + likes + unanswered, `${counted} likes are there, more than were sent`);
  round.likes = counted;
  if (allowGapMs === 0) assert.deepEqual(failures, [], 'no request fails');
  else assert.ok(longestGapMs < allowGapMs, `${longestGapMs} ms without a success: ${failures[0]}`);
  return `${reads + likes} requests, ${failures.length} failed, longest gap ${Math.round(longestGapMs)} ms`;
}
