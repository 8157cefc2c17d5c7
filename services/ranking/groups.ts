/** Requests to the groups of a partitioned ranking, each of which keeps one part of the movies. */
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import type { Call, JsonResponse } from '../../shared/operations/endpoint.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { ranking } from './contract.ts';
import { compareSortKeys, type RankedRow, sortKeyOf } from './pages.ts';
import { groupOf, type Partition, partOf } from './partition.ts';
import type { MovieRow } from './queries.ts';

/** Part of the deadline that is kept for this replica's own response. */
const marginMs = 50;
const retryMs = 200;

/** The input of `ranking.part`. */
export type ListInput = z.output<typeof ranking.part.input>;

export class Groups {
  readonly #partition: Partition;
  readonly #caller: ServiceContext<unknown>['caller'];

  constructor(partition: Partition, caller: ServiceContext<unknown>['caller']) {
    this.#partition = partition;
    this.#caller = caller;
  }

  /** Returns the unchanged response of the group that keeps a movie. @throws AppError its error, or unavailable */
  forward(operation: Operation, input: { movieId: number }, call: Call): Promise<JsonResponse> {
    const part = partOf(input.movieId, this.#partition);
    return this.#caller.send(operation, input, { call, ...this.#options(part, call) });
  }

  /** Returns the likes of movies in the order of `movieIds`; null for an unknown movie. @throws AppError unavailable */
  async likesOf(movieIds: number[], call: Call): Promise<(number | null)[]> {
    const askGroup = async ([part, ofPart]: [number, number[]]): Promise<[number, number | null][]> => {
      const { likes } = await this.#caller.ask(ranking.likesOf, { movieIds: ofPart }, this.#options(part, call));
      return ofPart.map((movieId, index) => [movieId, likes[index] ?? null]);
    };
    const parts = Map.groupBy(movieIds, (movieId) => partOf(movieId, this.#partition));
    const likesById = new Map((await Promise.all([...parts].map(askGroup))).flat());
    return movieIds.map((movieId) => likesById.get(movieId) ?? null);
  }

  /** Returns the rows of a page over all parts, and one more if there is a next page. @throws AppError unavailable */
  async rows<R extends RankedRow | MovieRow>(input: ListInput, call: Call): Promise<R[]> {
    const { by, limit } = input;
    const order = (a: R, b: R): number =>
      by === 'movieId'
        ? a.movieId - b.movieId
        : compareSortKeys(by, sortKeyOf(by, a as RankedRow), sortKeyOf(by, b as RankedRow));
    const requests = this.#parts.map((part) => this.#caller.ask(ranking.part, input, this.#options(part, call)));
    const rows = (await Promise.all(requests)).flatMap(({ rows }) => rows as R[]);
    return rows.sort(order).slice(0, limit + 1);
  }

  /** Resolves when every group has answered once, or when this replica stops. */
  async waitForAll(stopping: AbortSignal): Promise<void> {
    const waitFor = async (part: number): Promise<void> => {
      const group = groupOf({ ...this.#partition, number: part });
      const input = { by: 'movieId', limit: 1 } as const;
      while (!stopping.aborted) {
        try {
          await this.#caller.ask(ranking.part, input, { group, timeoutMs: 1000 });
          return;
        } catch {
          await pause(retryMs);
        }
      }
    };
    await Promise.all(this.#parts.map(waitFor));
  }

  get #parts(): number[] {
    return Array.from({ length: this.#partition.of }, (_, part) => part);
  }

  #options(part: number, { deadline, position }: Call) {
    const group = groupOf({ ...this.#partition, number: part });
    return { group, timeoutMs: deadline - Date.now() - marginMs, position };
  }
}
