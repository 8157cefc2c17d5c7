/** The groups of replicas, where the movies are divided among several: each is asked for what is in its part. */
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import type { Call, JsonResponse } from '../../shared/operations/endpoint.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { ranking } from './contract.ts';
import { compare, placeOf, type Row } from './pages.ts';
import { groupOf, type Partition, partOf } from './partition.ts';
import type { MovieRow } from './queries.ts';

/** What is left for the way back when a group takes all of its time. */
const marginMs = 50;
const tryAgainMs = 200;

/** What `ranking.part` is asked for. */
export type ListInput = z.output<typeof ranking.part.input>;

export class Groups {
  readonly #partition: Partition;
  readonly #caller: ServiceContext<unknown>['caller'];

  constructor(partition: Partition, caller: ServiceContext<unknown>['caller']) {
    this.#partition = partition;
    this.#caller = caller;
  }

  /** The answer of the group that keeps a movie, as it is. @throws AppError what it refuses with, or unavailable */
  forward(operation: Operation, input: { movieId: number }, call: Call): Promise<JsonResponse> {
    const part = partOf(input.movieId, this.#partition);
    return this.#caller.send(operation, input, { call, ...this.#options(part, call) });
  }

  /** Likes of movies in the order asked. @throws AppError unavailable */
  async likesOf(movieIds: number[], call: Call): Promise<(number | null)[]> {
    const ask = async ([part, asked]: [number, number[]]): Promise<[number, number | null][]> => {
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds: asked }, this.#options(part, call));
      return asked.map((movieId, index) => [movieId, likes[index] ?? null]);
    };
    const parts = Map.groupBy(movieIds, (movieId) => partOf(movieId, this.#partition));
    const found = new Map((await Promise.all([...parts].map(ask))).flat());
    return movieIds.map((movieId) => found.get(movieId) ?? null);
  }

  /** The rows of a page of all movies, in order. @throws AppError unavailable */
  async rows<R extends Row | MovieRow>(input: ListInput, call: Call): Promise<R[]> {
    const { by, limit } = input;
    const order = (a: R, b: R): number =>
      by === 'movieId' ? a.movieId - b.movieId : compare(by, placeOf(by, a as Row), placeOf(by, b as Row));
    const asked = this.#parts.map((part) => this.#caller.ask(ranking.part, input, this.#options(part, call)));
    const rows = (await Promise.all(asked)).flatMap(({ rows }) => rows as R[]);
    return rows.sort(order).slice(0, limit + 1);
  }

  /** Resolves when each of the groups has answered, or at the end of this replica. */
  async present(stopping: AbortSignal): Promise<void> {
    const present = async (part: number): Promise<void> => {
      const group = groupOf({ ...this.#partition, number: part });
      const input = { by: 'movieId', limit: 1 } as const;
      while (!stopping.aborted) {
        try {
          await this.#caller.ask(ranking.part, input, { group, timeoutMs: 1000 });
          return;
        } catch {
          await pause(tryAgainMs);
        }
      }
    };
    await Promise.all(this.#parts.map(present));
  }

  get #parts(): number[] {
    return Array.from({ length: this.#partition.of }, (_, part) => part);
  }

  #options(part: number, { deadline, position }: Call) {
    const group = groupOf({ ...this.#partition, number: part });
    return { group, timeoutMs: deadline - Date.now() - marginMs, position };
  }
}
