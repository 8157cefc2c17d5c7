/** Imports films of files into the catalogue, each film once, even when several files are imported at the same time. */
import type { OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { decideRemove, type KnownMovie, movieMessage } from './commands.ts';
import { movieStated } from './contract.ts';
import { identityKeys } from './film-identity.ts';
import { type Catalogue, decideImport, findFilm, type ImportedFilm, type ImportRules } from './import-decision.ts';
import type { MovieQueries } from './queries.ts';

export interface ImportResult {
  outcome: 'added' | 'updated' | 'unchanged' | 'refused';
  movieId: number | null;
  reason?: string;
}

interface Rules extends ImportRules {
  newIdsAbove: number;
  importId?: string | undefined;
}

/** An import in progress. */
interface Run {
  films: ImportedFilm[];
  rules: Rules;
  deadline: number;
  results: ImportResult[];
  /** Results of an earlier attempt, whose films would otherwise be reported as unchanged. */
  earlier: ImportResult[] | undefined;
}

/** Number of imports whose results are kept for repeated attempts. */
const maxRemembered = 64;

const highestId = 2_147_483_647;
const { stream } = movieStated;

export class Importer {
  readonly #context: ServiceContext<MovieQueries>;
  readonly #known: (movieId: number) => KnownMovie;
  /** Identity keys of films being imported. Each promise resolves once the view shows the films. */
  readonly #locks = new Map<string, Promise<void>>();
  readonly #remembered = new Map<string, ImportResult[]>();
  #lastNewId = 0;
  #lastGap = 0;

  constructor(context: ServiceContext<MovieQueries>, known: (movieId: number) => KnownMovie) {
    this.#context = context;
    this.#known = known;
  }

  /** Returns each film's result. @throws AppError unavailable if not all were stored in time; repeating is safe */
  async import(films: ImportedFilm[], rules: Rules, deadline: number): Promise<ImportResult[]> {
    const results: ImportResult[] = [];
    const run: Run = { films, rules, deadline, results, earlier: this.#rememberResults(rules.importId, results) };
    let rest = [...films.keys()];
    while (rest.length > 0) {
      // A film that occurs twice is left for the next round, when the view shows the first one.
      const keys = new Set<string>();
      const now: number[] = [];
      const later: number[] = [];
      for (const index of rest) {
        const own = identityKeys(films[index] as ImportedFilm);
        const isRepeated = own.some((key) => keys.has(key));
        for (const key of own) keys.add(key);
        (isRepeated ? later : now).push(index);
      }
      await this.#withLock([...keys], deadline, () => this.#importRound(run, now));
      rest = later;
    }
    return results;
  }

  /** Runs `work` while no other import of this replica works on films with these keys. */
  async #withLock(keys: string[], deadline: number, work: () => Promise<void>): Promise<void> {
    for (;;) {
      const held = new Set(keys.flatMap((key) => this.#locks.get(key) ?? []));
      if (held.size === 0) break;
      if (Date.now() > deadline) {
        throw new AppError('unavailable', 'Another import is working on the same films. Try again in a moment.');
      }
      await Promise.all(held);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const key of keys) this.#locks.set(key, promise);
    try {
      await work();
    } finally {
      for (const key of keys) this.#locks.delete(key);
      resolve();
    }
  }

  /** Keeps the results of an import, even while they are incomplete. @returns the results of an earlier attempt */
  #rememberResults(importId: string | undefined, results: ImportResult[]): ImportResult[] | undefined {
    if (importId === undefined) return undefined;
    const earlier = this.#remembered.get(importId);
    // Copied, so that they survive an attempt that fails before it decides anything.
    if (earlier) results.push(...earlier);
    this.#remembered.delete(importId);
    this.#remembered.set(importId, results);
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size > maxRemembered) this.#remembered.delete(oldest);
    return earlier;
  }

  async #importRound(run: Run, indexes: number[]): Promise<void> {
    const { view, commands } = this.#context;
    const { films, rules, results } = run;
    const execution = { stream, deadline: run.deadline };
    const decisions = indexes.map((index) => {
      const catalogue = this.#catalogue(rules);
      return () => this.#decide(run, index, catalogue);
    });
    const all = view.queries.inTransaction(() => decisions.map((decide) => commands.execute(decide, execution)));
    // The lock is held until all have ended, even if one fails.
    await Promise.allSettled(all);
    await Promise.all(all);
    // When ids identify the movies, two may have the same title.
    if (rules.ids === 'replace') return;
    const duplicates = view.queries.inTransaction(() =>
      indexes.filter((index) => this.#isDuplicate(films[index] as ImportedFilm, results[index])),
    );
    for (const index of duplicates) {
      await commands.execute(() => this.#removal(results[index]?.movieId ?? 0), execution);
      await commands.execute(() => this.#decide(run, index, this.#catalogue(rules)), execution);
    }
  }

  #decide({ films, rules, results, earlier }: Run, index: number, catalogue: Catalogue): OutgoingMessage | null {
    const decision = decideImport(films[index] as ImportedFilm, rules, catalogue);
    if (decision.outcome === 'refused') {
      results[index] = { ...decision, movieId: null };
      return null;
    }
    const { outcome, movieId } = decision;
    const before = earlier?.[index];
    const isRepeat = outcome === 'unchanged' && before?.movieId === movieId;
    results[index] = isRepeat ? before : { outcome, movieId };
    if (decision.outcome === 'unchanged') return null;
    return movieMessage(this.#context.config.site, movieId, decision.revision, decision.state);
  }

  /** Returns the catalogue as the view shows it. A film decided on again keeps its new id while that is free. */
  #catalogue(rules: Rules): Catalogue {
    let newId = 0;
    return {
      movie: this.#known,
      films: (titleKey, year) => this.#context.view.queries.films(titleKey, year),
      newId: () => {
        if (newId === 0 || this.#isTaken(newId)) newId = this.#nextFreeId(rules.newIdsAbove);
        return newId;
      },
    };
  }

  #nextFreeId(above: number): number {
    const { queries } = this.#context.view;
    const highest = Math.max(queries.highestId(), this.#lastNewId, above < highestId ? above : 0);
    if (highest < highestId) {
      this.#lastNewId = highest + 1;
      return this.#lastNewId;
    }
    // The highest possible id is taken, so only gaps are left.
    do this.#lastGap = queries.gapAfter(this.#lastGap);
    while (this.#isTaken(this.#lastGap));
    return this.#lastGap;
  }

  #isTaken(movieId: number): boolean {
    const { fields, revision } = this.#known(movieId);
    return fields !== undefined || revision > 0;
  }

  /** Whether another replica added the same film earlier under another id. */
  #isDuplicate(film: ImportedFilm, result: ImportResult | undefined): boolean {
    if (film.another || result?.outcome !== 'added' || result.movieId === null) return false;
    const { queries } = this.#context.view;
    const ownId = result.movieId;
    const others = {
      films: (titleKey: string, year?: number) =>
        queries.films(titleKey, year).filter(({ movieId }) => movieId !== ownId),
    };
    const other = findFilm(film, others);
    return typeof other === 'number' && this.#known(other).revision < this.#known(ownId).revision;
  }

  #removal(movieId: number): OutgoingMessage | null {
    const before = this.#known(movieId);
    if (!before.fields) return null;
    const removed = decideRemove(before, movieId, undefined);
    return movieMessage(this.#context.config.site, movieId, before.revision, removed);
  }
}
