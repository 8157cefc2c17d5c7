import assert from 'node:assert/strict';
import { test } from 'vitest';
import { movies } from '../services/movies/contract.ts';
import { get, post, type Replica, startSystem, until } from './harness.ts';

const films = 12;
const of = 4;

/** Sends likes to the gateway one after the other, repeating each until it is acknowledged. */
class Viewers {
  /** Number of acknowledged likes of each movie. */
  readonly answered = new Map<number, number>();
  readonly #gateway: Replica;
  #count = 0;
  #last = 0;
  #going: Promise<void>[] = [];
  #stopped = false;

  constructor(gateway: Replica) {
    this.#gateway = gateway;
  }

  start(atOnce: number): void {
    this.#stopped = false;
    this.#going = Array.from({ length: atOnce }, () => this.#go());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#going);
  }

  /** Resolves after `count` more likes were acknowledged. */
  async answer(count: number): Promise<void> {
    const enough = this.#count + count;
    await until(() => this.#count >= enough, `${count} more likes`);
  }

  async #go(): Promise<void> {
    while (!this.#stopped) {
      const voterId = `viewer-${++this.#last}`;
      const movieId = (this.#last % films) + 1;
      const like = () => post(`${this.#gateway.url}/votes/${movieId}/like`, { voterId });
      let reply = await like();
      // Retry as clients do: a repeated like counts once.
      while (reply.status === 503) reply = await like();
      assert.ok(reply.status === 200 || reply.status === 202, `${reply.status}`);
      this.answered.set(movieId, (this.answered.get(movieId) ?? 0) + 1);
      this.#count++;
    }
  }
}

test('ranking moves from one partition to four and back under load, and every like counts once', async () => {
  await using system = await startSystem();
  const [gateway] = await system.start('gateway', 'movies');
  const whole = await system.startReplica('ranking');
  await whole.ready;
  const made = Array.from({ length: films }, (_, n) => ({ movieId: n + 1, title: `Film ${n + 1}`, genres: ['Drama'] }));
  await system.caller.ask(movies.import, { movies: made }, { timeoutMs: 20_000 });
  const viewers = new Viewers(gateway);

  /** Returns whether the ranking shows exactly the acknowledged likes. */
  const exact = async (): Promise<void> => {
    await viewers.stop();
    for (const path of ['/votes?limit=500', '/ranking?by=likes&limit=500', '/ranking/genre/drama?by=trending']) {
      await until(async () => {
        const { body } = await get<{ items: { movieId: number; likes: number }[] }>(`${gateway.url}${path}`);
        assert.deepEqual(new Map(body.items.map(({ movieId, likes }) => [movieId, likes])), viewers.answered);
        return true;
      }, `the likes in ${path}`);
    }
  };

  viewers.start(8);
  await viewers.answer(100);
  const groups = await Promise.all(
    Array.from({ length: of }, (_, n) =>
      system.startReplica('ranking', { RANKING_PARTITIONS: `${of}`, RANKING_PARTITION: `${n}` }),
    ),
  );
  await Promise.all(groups.map(({ ready }) => ready));
  await viewers.answer(100);
  await whole.stop();
  await viewers.answer(100);
  await exact();

  viewers.start(8);
  await viewers.answer(50);
  const again = await system.startReplica('ranking', { DATA_DIR: whole.dataDir });
  await again.ready;
  await viewers.answer(50);
  await Promise.all(groups.map((group) => group.stop()));
  await viewers.answer(100);
  await exact();
});
