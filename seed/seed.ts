/** Streams a CSV of movies into the movies service. */
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
  /** Path of the file; `-` for standard input. */
  csv: string;
  encoding?: string | undefined;
  map?: ColumnMap | undefined;
  /** Whose id a film has, and whether it only fills what is not known; see movies.import. */
  rules?: Pick<ImportRules, 'ids' | 'fill'>;
  /** Most bytes to read, unpacked. */
  mostBytes?: number | undefined;
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
  progress?: (totalBytes: number | undefined) => Pick<Progress, 'update' | 'clear'>;
  /** Set by whoever wants it to end early. */
  signal?: AbortSignal;
}

/** The service could not take the rest, or the file could not be read on; `summary` says how far it got. */
export class SeedStopped extends Error {
  override readonly name = 'SeedStopped';
  readonly summary: SeedSummary;

  constructor(message: string, summary: SeedSummary) {
    super(message);
    this.summary = summary;
  }
}

/** So many refusals and warnings are said; the rest is counted. */
const mostSaid = 10;

/**
 * Runs a seed. Repeating it changes nothing.
 * @throws UnusableFile when the file cannot be used; SeedStopped when it ends on the way.
 */
export async function runSeed(options: SeedOptions): Promise<SeedSummary> {
  const { csv, encoding, map, rules = {}, max = Number.POSITIVE_INFINITY } = options;
  const source = sourceOf(csv, undefined, options.mostBytes);
  checkRejectsFile(csv, options.rejectsFile);
  const run = new Run(options, source);
  if (options.onlyIfEmpty && !(await run.sender.catalogueIsEmpty())) return { ...emptySummary(), kept: true };
  // New films must not take ids that the file needs further down. What can be read once only is not looked through.
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
          if (this.#take(row, films)) await this.sender.flush();
        }
        progress?.update(table.bytesRead(), this.#summary.read);
        if (this.#atEnd()) break;
      }
      await this.sender.drain();
    } catch (error) {
      progress?.clear();
      const unreadable = error instanceof UnusableFile;
      // The rows before what is damaged are still to be sent.
      if (unreadable) await this.sender.drain().catch(() => {});
      await this.sender.settle();
      const why = error instanceof AppError ? 'the movies service cannot take more: ' : '';
      throw new SeedStopped(why + messageOf(error), this.#summed(unreadable ? 'unreadable' : 'stopped'));
    }
    progress?.clear();
    return this.#summed(signal?.aborted ? 'stopped' : 'whole');
  }

  #atEnd(): boolean {
    const { max, signal } = this.#options;
    return signal?.aborted === true || (max !== undefined && this.#summary.read >= max);
  }

  /** True when films are to be sent. */
  #take(row: CsvRow, { reader, header }: Films): boolean {
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
      this.#reject(row, [{ column, reason: `${movie.movieId} is on line ${repeat.line}, too` }]);
      return false;
    }
    if (repeat && movie.movieId === undefined) {
      summary.repeated++;
      return false;
    }
    // A file that gives them two ids means two films.
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
    if (rejects.count > mostSaid) return;
    for (const { column, reason } of problems) this.#options.say(`line ${row.line}: ${column}: ${reason}`);
    if (rejects.count === mostSaid) this.#options.say(`(more refused rows are only written to ${rejects.file})`);
  }

  #warn(row: CsvRow, warnings: Problem[]): void {
    for (const { column, reason } of warnings) {
      this.#summary.warnings++;
      if (++this.#warned <= mostSaid) this.#options.say(`line ${row.line}: ${column}: ${reason}`);
      if (this.#warned === mostSaid) this.#options.say('(more values that do not fit are only counted)');
    }
  }

  #summed(ended: SeedSummary['ended']): SeedSummary {
    const rejected = this.#rejects?.count ?? 0;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rejectsFile = rejected > 0 ? this.#rejects?.file : undefined;
    return { ...this.#summary, rejected, seconds, rejectsFile, ended };
  }
}
