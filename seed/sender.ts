/** Sends films to the movies service, a few batches at a time, and repeats what it could not take at the moment. */
import type { z } from 'zod';
import { movies } from '../services/movies/contract.ts';
import type { Connection } from '../shared/broker/connection.ts';
import { AppError } from '../shared/operations/errors.ts';
import { ServiceCaller } from '../shared/rpc/caller.ts';
import type { CsvRow } from './csv/rows.ts';
import type { Movie } from './layout/row.ts';

export type ImportRules = Omit<z.input<typeof movies.import.input>, 'movies' | 'importId'>;
export type ImportResult = z.output<typeof movies.import.output>['results'][number];

/** A film with the row that it was. */
export interface Item {
  movie: Movie;
  row: CsvRow;
}

export interface SenderOptions {
  connection: Connection;
  /** The token of an administrator, where the system wants one. */
  token?: string | undefined;
  rules: ImportRules;
  /** What became of each film. */
  done: (item: Item, result: ImportResult) => void;
  signal?: AbortSignal | undefined;
}

const batchRows = 500;
const batchBytes = 300_000;
/** Batches on their way at once: two at the broker, one on its way back into the view, one being read and checked. */
const inFlight = 4;
const requestTimeoutMs = 20_000;
/** From its first failure: a service may come long after the broker, or have a busy machine. */
const patienceMs = 60_000;

export class Sender {
  readonly #options: SenderOptions;
  readonly #caller: ServiceCaller;
  readonly #pending = new Set<Promise<void>>();
  #batch: Item[] = [];
  #bytes = 0;
  #failure: unknown;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#caller = new ServiceCaller(options.connection);
  }

  async catalogueIsEmpty(): Promise<boolean> {
    const first = await this.#patiently(() => this.#caller.ask(movies.list, { limit: 1 }, { timeoutMs: 5000 }));
    return first.items.length === 0;
  }

  /** Takes a film; true when a batch is full and has to be flushed. */
  add(item: Item): boolean {
    this.#batch.push(item);
    this.#bytes += Buffer.byteLength(JSON.stringify(item.movie));
    return this.#batch.length >= batchRows || this.#bytes >= batchBytes;
  }

  /** Sends what was taken; waits while enough is on its way. @throws what an earlier batch failed with. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    while (this.#pending.size >= inFlight) await Promise.race(this.#pending);
    if (this.#failure) throw this.#failure;
    const sending = this.#store(batch).catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#pending.add(sending);
    void sending.finally(() => this.#pending.delete(sending));
  }

  /** Waits until everything is stored. @throws what a batch failed with. */
  async drain(): Promise<void> {
    await this.flush();
    await this.settle();
    if (this.#failure) throw this.#failure;
  }

  /** Waits until nothing is on its way, whether it was stored or not. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #store(batch: Item[]): Promise<void> {
    const { token, rules, done } = this.#options;
    const input = { ...rules, movies: batch.map(({ movie }) => movie), importId: crypto.randomUUID() };
    const { results } = await this.#patiently(() =>
      this.#caller.ask(movies.import, input, { timeoutMs: requestTimeoutMs, token }),
    );
    results.forEach((result, i) => {
      done(batch[i] as Item, result);
    });
  }

  /** An import says how a movie is to be, so that repeating it is safe. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    let until: number | undefined;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const again = error instanceof AppError && error.code === 'unavailable';
        until ??= performance.now() + patienceMs;
        if (!again || this.#options.signal?.aborted || performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}
