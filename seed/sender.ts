/** Sends films to the movies service in concurrent batches, and retries while the service is unavailable. */
import type { z } from 'zod';
import { movies } from '../services/movies/contract.ts';
import type { Connection } from '../shared/broker/connection.ts';
import { AppError } from '../shared/operations/errors.ts';
import { ServiceCaller } from '../shared/rpc/caller.ts';
import type { CsvRow } from './csv/rows.ts';
import type { Movie } from './layout/row.ts';

export type ImportRules = Omit<z.input<typeof movies.import.input>, 'movies' | 'importId'>;
export type ImportResult = z.output<typeof movies.import.output>['results'][number];

/** A film with the row it was read from. */
export interface Item {
  movie: Movie;
  row: CsvRow;
}

export interface SenderOptions {
  connection: Connection;
  /** Token of an administrator, if the system requires one. */
  token?: string | undefined;
  rules: ImportRules;
  /** Called with the outcome of each film. */
  done: (item: Item, result: ImportResult) => void;
  signal?: AbortSignal | undefined;
}

const batchRows = 500;
const batchBytes = 300_000;
/** Concurrent batches: two at the broker, one being applied to the view, one being parsed and checked. */
const maxInFlight = 4;
const requestTimeoutMs = 20_000;
/** How long a request is retried after its first failure: a service may start long after the broker. */
const retryForMs = 60_000;

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
    const ask = () => this.#caller.ask(movies.list, { limit: 1 }, { timeoutMs: 5000 });
    return (await this.#retryWhileUnavailable(ask)).items.length === 0;
  }

  /** Adds a film to the batch. Returns whether the batch is full and must be flushed. */
  add(item: Item): boolean {
    this.#batch.push(item);
    this.#bytes += Buffer.byteLength(JSON.stringify(item.movie));
    return this.#batch.length >= batchRows || this.#bytes >= batchBytes;
  }

  /** Sends the batch once fewer than `maxInFlight` are in flight. @throws the error of an earlier batch */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    if (batch.length === 0) return;
    while (this.#pending.size >= maxInFlight) await Promise.race(this.#pending);
    if (this.#failure) throw this.#failure;
    const sending = this.#store(batch).catch((error: unknown) => {
      this.#failure ??= error;
    });
    this.#pending.add(sending);
    void sending.finally(() => this.#pending.delete(sending));
  }

  /** Sends the last batch and waits until everything is stored. @throws the error of a batch */
  async drain(): Promise<void> {
    await this.flush();
    await this.settle();
    if (this.#failure) throw this.#failure;
  }

  /** Waits until no batch is in flight, whether they were stored or failed. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #store(batch: Item[]): Promise<void> {
    const { token, rules, done } = this.#options;
    const input = { ...rules, movies: batch.map(({ movie }) => movie), importId: crypto.randomUUID() };
    const { results } = await this.#retryWhileUnavailable(() =>
      this.#caller.ask(movies.import, input, { timeoutMs: requestTimeoutMs, token }),
    );
    results.forEach((result, i) => {
      done(batch[i] as Item, result);
    });
  }

  /** Retries a request; an import is idempotent, since it holds the whole state of each movie. */
  async #retryWhileUnavailable<T>(ask: () => Promise<T>): Promise<T> {
    let deadline: number | undefined;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const unavailable = error instanceof AppError && error.code === 'unavailable';
        deadline ??= performance.now() + retryForMs;
        if (!unavailable || this.#options.signal?.aborted || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}
