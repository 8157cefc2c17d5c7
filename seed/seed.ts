/** Streams a CSV file of films into the movies service. */
import type { Connection } from '../shared/broker/connection.ts';
import { AppError, messageOf } from '../shared/operations/errors.ts';
import type { CsvRow } from './csv/rows.ts';
import { type Source, sourceOf } from './file/source.ts';
import { type Films, highestIdOf, openFilms } from './films.ts';
import type { ColumnMap } from './layout/header.ts';
import type { Problem } from './layout/row.ts';
import type { Progress } from './progress.ts';
import { checkRejectsFile, Rejects } from './rejects.ts';
import { Repeats } from './repeats.ts';
import { type ImportResult, type ImportRules, type Item, Sender } from './sender.ts';
import { emptySummary, type SeedSummary } from './summary.ts';
import { UnusableFile } from './unusable-file.ts';

export interface SeedOptions {
  /** Path of the file, or `-` for standard input. */
  csv: string;
  encoding?: string | undefined;
  map?: ColumnMap | undefined;
  /** How films get their ids, and whether only missing fields are filled in; see movies.import. */
  rules?: Pick<ImportRules, 'ids' | 'fill'>;
  /** Most bytes to read, counted after decompression. */
  maxBytes?: number | undefined;
  /** Most rows to read. */
  max?: number | undefined;
  /** Whether to do nothing when the catalogue has movies. */
  onlyIfEmpty?: boolean;
  /** Path that refused rows are written to. */
  rejectsFile: string;
  connection: Connection;
  /** Token of an administrator, if the system requires one. */
  token?: string | undefined;
  say: (line: string) => void;
  progress?: (totalBytes: number | undefined) => Pick<Progress, 'update' | 'clear'>;
  /** Aborts the seed early. */
  signal?: AbortSignal;
}

/** The service failed or the file became unreadable before its end; `summary` says how far the seed got. */
export class SeedStopped extends Error {
  override readonly name = 'SeedStopped';
  readonly summary: SeedSummary;

  constructor(message: string, summary: SeedSummary) {
    super(message);
    this.summary = summary;
  }
}

/** Most refused rows, and most warnings, that are printed; the rest are only counted. */
const maxPrinted = 10;

/**
 * Runs a seed. A second run over the same file changes nothing.
 * @throws UnusableFile when the file cannot be used, SeedStopped when the seed stops before its end
 */
export async function runSeed(options: SeedOptions): Promise<SeedSummary> {
  const { csv, encoding, map, rules = {}, max = Number.POSITIVE_INFINITY } = options;
  const source = sourceOf(csv, undefined, options.maxBytes);
  checkRejectsFile(csv, options.rejectsFile);
  const run = new Run(options, source);
  if (options.onlyIfEmpty && !(await run.sender.catalogueIsEmpty())) return { ...emptySummary(), kept: true };
  // A new film must not be given an id that a later row of the file has. A stream cannot be read twice to find those.
  const looksAhead = source.size !== undefined && rules.ids !== 'keep';
  run.rules.newIdsAbove = looksAhead ? await highestIdOf(source, { encoding, map }, max, options.signal) : 0;
  return run.run(await openFilms(source, { encoding, map }));
}

class Run {
  readonly sender: Sender;
  readonly rules: ImportRules;
  readonly #options: SeedOptions;
  readonly #source: Source;
  readonly #startedAt = performance.now();
  readonly #repeats: Repeats;
  readonly #summary = emptySummary();
  #rejects: Rejects | undefined;
  #warned = 0;

  constructor(options: SeedOptions, source: Source) {
    this.#options = options;
    this.#source = source;
    this.rules = { ...options.rules };
    this.#repeats = new Repeats(options.rules?.ids === 'replace');
    this.sender = new Sender({ ...options, rules: this.rules, done: (item, result) => this.#done(item, result) });
  }

  async run(films: Films): Promise<SeedSummary> {
    const { rejectsFile, signal } = this.#options;
    const { table, groups } = films;
    const form = { delimiter: table.delimiter, quoted: films.header.layout.unquoted !== true };
    this.#rejects = new Rejects(rejectsFile, table.header.fields, form);
    const progress = this.#options.progress?.(this.#source.size);
    try {
      for await (const rows of groups) {
        for (const row of rows) {
          if (this.#atEnd()) break;
          if (this.#add(row, films)) await this.sender.flush();
        }
        progress?.update(table.bytesRead(), this.#summary.read);
        if (this.#atEnd()) break;
      }
      await this.sender.drain();
    } catch (error) {
      progress?.clear();
      const unreadable = error instanceof UnusableFile;
      // Store the rows before the damage.
      if (unreadable) await this.sender.drain().catch(() => {});
      await this.sender.settle();
      const why = error instanceof AppError ? 'the movies service failed: ' : '';
      throw new SeedStopped(why + messageOf(error), this.#finish(unreadable ? 'unreadable' : 'stopped'));
    }
    progress?.clear();
    return this.#finish(signal?.aborted ? 'stopped' : 'whole');
  }

  #atEnd(): boolean {
    const { max, signal } = this.#options;
    return signal?.aborted === true || (max !== undefined && this.#summary.read >= max);
  }

  /** Adds a row to the current batch unless it is skipped or refused. Returns whether the batch is full. */
  #add(row: CsvRow, { reader, header }: Films): boolean {
    const summary = this.#summary;
    summary.read++;
    const result = reader.read(row);
    if ('otherType' in result) {
      summary.otherTypes.set(result.otherType, (summary.otherTypes.get(result.otherType) ?? 0) + 1);
      return false;
    }
    if ('problems' in result) {
      this.#reject(row, result.problems);
      return false;
    }
    const { movie, warnings } = result;
    const repeat = this.#repeats.add(movie, row.line);
    if (repeat?.what === 'id') {
      const column = header.columns[header.positions.get('movieId')?.[0] ?? 0] ?? '';
      this.#reject(row, [{ column, reason: `${movie.movieId} is already on line ${repeat.line}` }]);
      return false;
    }
    if (repeat && movie.movieId === undefined) {
      summary.repeated++;
      return false;
    }
    // Two ids for the same title and year mean two films.
    if (repeat) movie.another = true;
    this.#warn(row, warnings);
    return this.sender.add({ movie, row });
  }

  #done({ movie, row }: Item, { outcome, movieId, reason = '' }: ImportResult): void {
    const summary = this.#summary;
    if (outcome === 'refused') {
      this.#reject(row, [{ column: '(row)', reason }]);
      return;
    }
    summary[outcome]++;
    if (movie.movieId === undefined || movie.movieId === movieId) return;
    if (outcome === 'added') summary.newIds++;
    else summary.otherIds++;
  }

  #reject(row: CsvRow, problems: Problem[]): void {
    const rejects = this.#rejects;
    if (!rejects) return;
    rejects.add(row.line, problems, row.fields);
    if (rejects.count > maxPrinted) return;
    for (const { column, reason } of problems) this.#options.say(`line ${row.line}: ${column}: ${reason}`);
    if (rejects.count === maxPrinted) this.#options.say(`(further refused rows are only written to ${rejects.file})`);
  }

  #warn(row: CsvRow, warnings: Problem[]): void {
    for (const { column, reason } of warnings) {
      this.#summary.warnings++;
      if (++this.#warned <= maxPrinted) this.#options.say(`line ${row.line}: ${column}: ${reason}`);
      if (this.#warned === maxPrinted) this.#options.say('(further warnings are only counted)');
    }
  }

  #finish(ended: SeedSummary['ended']): SeedSummary {
    const rejected = this.#rejects?.count ?? 0;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rejectsFile = rejected > 0 ? this.#rejects?.file : undefined;
    return { ...this.#summary, rejected, seconds, rejectsFile, ended };
  }
}
