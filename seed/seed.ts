/** Streams a CSV of movies into the movies service. */
import { basename, join } from 'node:path';
import type { z } from 'zod';
import { movies } from '../services/movies/contract.ts';
import type { Connection } from '../shared/broker/connection.ts';
import { AppError } from '../shared/operations/errors.ts';
import { ServiceCaller } from '../shared/rpc/caller.ts';
import { type Layout, type Movie, type Problem, readHeader, readRow } from './columns.ts';
import { type CsvRow, checkFile, readCsv, UnusableFile } from './csv.ts';
import { IdSet } from './id-set.ts';
import type { Progress } from './progress.ts';
import { Rejects } from './rejects.ts';

export interface SeedOptions {
  csv: string;
  /** Most rows to read. */
  max?: number | undefined;
  /** Do nothing when there are movies already. */
  onlyIfEmpty?: boolean;
  /** Where refused rows go. */
  rejectsFile: string;
  connection: Connection;
  /** The token of an administrator, where the system wants one. */
  token?: string | undefined;
  say: (line: string) => void;
  progress?: (totalBytes: number) => Progress;
  /** Set by whoever wants it to end early. */
  signal?: AbortSignal;
}

export interface SeedSummary {
  read: number;
  added: number;
  updated: number;
  unchanged: number;
  rejected: number;
  seconds: number;
  rejectsFile: string | undefined;
  /** False when it was interrupted: running it again completes the job. */
  complete: boolean;
}

/** The service could not take the rest; `summary` says how far it got. */
export class SeedStopped extends Error {
  override readonly name = 'SeedStopped';
  readonly summary: SeedSummary;

  constructor(message: string, summary: SeedSummary) {
    super(message);
    this.summary = summary;
  }
}

const batchRows = 500;
const batchBytes = 300_000;
/** Batches on their way at once: two at the broker, one on its way back into the view, one being read and checked. */
const inFlight = 4;
const requestTimeoutMs = 20_000;
const giveUpAfterMs = 15_000;

/**
 * Runs a seed. Repeating it changes nothing.
 * @throws UnusableFile when the file cannot be used; SeedStopped when the service went away.
 */
export async function runSeed(options: SeedOptions): Promise<SeedSummary> {
  const size = checkFile(options.csv);
  const sender = new Sender(options);
  const nothing = { read: 0, added: 0, updated: 0, unchanged: 0, rejected: 0, seconds: 0 };
  if (options.onlyIfEmpty && !(await sender.catalogueIsEmpty())) {
    return { ...nothing, rejectsFile: undefined, complete: true };
  }
  return new Run(options, sender, size).run();
}

class Run {
  readonly #options: SeedOptions;
  readonly #sender: Sender;
  readonly #size: number;
  readonly #startedAt = performance.now();
  readonly #seen = new IdSet();
  #layout: Layout | undefined;
  #rejects: Rejects | undefined;
  #read = 0;
  #batch: Movie[] = [];
  #batchBytes = 0;

  constructor(options: SeedOptions, sender: Sender, size: number) {
    this.#options = options;
    this.#sender = sender;
    this.#size = size;
  }

  async run(): Promise<SeedSummary> {
    const { csv, signal } = this.#options;
    const progress = this.#options.progress?.(this.#size);
    try {
      for await (const { rows, bytes } of readCsv(csv)) {
        for (const row of rows) {
          if (this.#done()) break;
          this.#take(row);
          if (this.#batch.length >= batchRows || this.#batchBytes >= batchBytes) await this.#flush();
        }
        progress?.update(bytes, this.#read);
        if (this.#done()) break;
      }
      if (!this.#layout) throw new UnusableFile(`${csv} has no header`);
      await this.#flush();
      await this.#sender.drain();
    } catch (error) {
      progress?.clear();
      await this.#sender.settle();
      if (!(error instanceof AppError)) throw error;
      throw new SeedStopped(`the movies service cannot take more: ${error.message}`, this.#summary(false));
    }
    progress?.clear();
    return this.#summary(!signal?.aborted);
  }

  #done(): boolean {
    const { max, signal } = this.#options;
    return signal?.aborted === true || (max !== undefined && this.#read >= max);
  }

  #take(row: CsvRow): void {
    if (!this.#layout) {
      this.#layout = readHeader(row.fields);
      this.#rejects = new Rejects(this.#options.rejectsFile, row.fields);
      return;
    }
    this.#read++;
    const result = row.problem
      ? { problems: [{ column: '(row)', reason: row.problem }] }
      : readRow(row.fields, this.#layout);
    if ('problems' in result) {
      this.#reject(row, result.problems);
    } else if (!this.#seen.add(result.movie.movieId)) {
      this.#reject(row, [{ column: 'Rank', reason: `${result.movie.movieId} is in an earlier row too` }]);
    } else {
      this.#add(result.movie);
    }
  }

  #add(movie: Movie): void {
    this.#batch.push(movie);
    this.#batchBytes += JSON.stringify(movie).length;
  }

  #reject(row: CsvRow, problems: Problem[]): void {
    this.#rejects?.add(row.line, problems, row.fields);
    if ((this.#rejects?.count ?? 0) > 10) return;
    for (const { column, reason } of problems) this.#options.say(`line ${row.line}: ${column}: ${reason}`);
    if (this.#rejects?.count === 10) this.#options.say(`(more refused rows are only written to ${this.#rejects.file})`);
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (batch.length > 0) await this.#sender.send(batch);
  }

  #summary(complete: boolean): SeedSummary {
    const rejected = this.#rejects?.count ?? 0;
    return {
      read: this.#read,
      ...this.#sender.counts,
      rejected,
      seconds: (performance.now() - this.#startedAt) / 1000,
      rejectsFile: rejected > 0 ? this.#rejects?.file : undefined,
      complete,
    };
  }
}

/** Sends batches, a few at a time, and repeats those that the service could not take at the moment. */
class Sender {
  readonly counts = { added: 0, updated: 0, unchanged: 0, refused: 0 };
  readonly #options: SeedOptions;
  readonly #caller: ServiceCaller;
  readonly #pending = new Set<Promise<void>>();
  #failure: unknown;

  constructor(options: SeedOptions) {
    this.#options = options;
    this.#caller = new ServiceCaller(options.connection);
  }

  async catalogueIsEmpty(): Promise<boolean> {
    const first = await this.#patiently(() => this.#caller.ask(movies.list, { limit: 1 }, { timeoutMs: 5000 }));
    return first.items.length === 0;
  }

  /** Takes a batch; waits while enough are on their way. @throws what an earlier batch failed with. */
  async send(batch: Movie[]): Promise<void> {
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
    await this.settle();
    if (this.#failure) throw this.#failure;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #store(batch: Movie[]): Promise<void> {
    const input: z.input<typeof movies.import.input> = { movies: batch, ids: 'replace' };
    const { token } = this.#options;
    const { results } = await this.#patiently(() =>
      this.#caller.ask(movies.import, input, { timeoutMs: requestTimeoutMs, token }),
    );
    for (const { outcome } of results) this.counts[outcome]++;
  }

  /** An import says how a movie is to be, so that repeating it is safe. */
  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    // Counted from the first failure: a request that took long before it failed has not used the patience up.
    let until: number | undefined;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const again = error instanceof AppError && error.code === 'unavailable';
        until ??= performance.now() + giveUpAfterMs;
        if (!again || this.#options.signal?.aborted || performance.now() > until) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}

/** Where the refused rows of a file go when nothing else is said. */
export function rejectsFileFor(csv: string, dataDir: string): string {
  return join(dataDir, 'rejects', basename(csv).replace(/(\.csv)?$/i, '.rejects.csv'));
}

/** The summary as lines to print. */
export function describe(summary: SeedSummary): string[] {
  const { read, added, updated, unchanged, rejected, seconds, rejectsFile } = summary;
  const rate = seconds > 0 ? Math.round(read / seconds) : 0;
  const lines = [
    `rows read ${read}, added ${added}, updated ${updated}, unchanged ${unchanged}, rejected ${rejected} ` +
      `(${rate} rows/s)`,
  ];
  if (read > 0 && added + updated + rejected === 0 && summary.complete) lines.push('Nothing has changed.');
  if (rejectsFile) lines.push(`Refused rows, with the reasons: ${rejectsFile}`);
  if (!summary.complete) lines.push('It did not get to the end. Running it again completes the job.');
  return lines;
}
