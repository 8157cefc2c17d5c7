/** Brings films of files into the catalogue, each once, also when several files come at the same time. */
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

/** An import under way. */
interface Run {
  films: ImportedFilm[];
  rules: Rules;
  deadline: number;
  results: ImportResult[];
  /** Of an earlier attempt: what it has stored is unchanged now. */
  earlier: ImportResult[] | undefined;
}

/** So many imports are remembered for those who repeat them. */
const mostRemembered = 64;

const highestId = 2_147_483_647;
const { stream } = movieStated;

export class Importer {
  readonly #context: ServiceContext<MovieQueries>;
  readonly #known: (movieId: number) => KnownMovie;
  /** Films that an import works on, by their keys, until the view shows them. */
  readonly #busy = new Map<string, Promise<void>>();
  readonly #remembered = new Map<string, ImportResult[]>();
  #lastNewId = 0;
  #lastGap = 0;

  constructor(context: ServiceContext<MovieQueries>, known: (movieId: number) => KnownMovie) {
    this.#context = context;
    this.#known = known;
  }

  /** @throws AppError unavailable when it cannot be stored in time: some films may be; repeating it is safe. */
  async import(films: ImportedFilm[], rules: Rules, deadline: number): Promise<ImportResult[]> {
    const results: ImportResult[] = [];
    const run: Run = { films, rules, deadline, results, earlier: this.#remember(rules.importId, results) };
    let rest = [...films.keys()];
    while (rest.length > 0) {
      // A film that is there twice is decided on again when the view shows the first.
      const keys = new Set<string>();
      const now: number[] = [];
      const later: number[] = [];
      for (const index of rest) {
        const own = identityKeys(films[index] as ImportedFilm);
        const again = own.some((key) => keys.has(key));
        for (const key of own) keys.add(key);
        (again ? later : now).push(index);
      }
      await this.#alone([...keys], deadline, () => this.#round(run, now));
      rest = later;
    }
    return results;
  }

  /** Runs `work` when no other import works on films with these keys. */
  async #alone(keys: string[], deadline: number, work: () => Promise<void>): Promise<void> {
    for (;;) {
      const others = new Set(keys.flatMap((key) => this.#busy.get(key) ?? []));
      if (others.size === 0) break;
      if (Date.now() > deadline) throw new AppError('unavailable', 'Others are importing the same films.');
      await Promise.all(others);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const key of keys) this.#busy.set(key, promise);
    try {
      await work();
    } finally {
      for (const key of keys) this.#busy.delete(key);
      resolve();
    }
  }

  /** Keeps the results of an import, also while they are incomplete, and gives those of an earlier attempt. */
  #remember(importId: string | undefined, results: ImportResult[]): ImportResult[] | undefined {
    if (importId === undefined) return undefined;
    const earlier = this.#remembered.get(importId);
    // An attempt that ends before it has decided anything still tells the next what was decided before.
    if (earlier) results.push(...earlier);
    this.#remembered.delete(importId);
    this.#remembered.set(importId, results);
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size > mostRemembered) this.#remembered.delete(oldest);
    return earlier;
  }

  async #round(run: Run, indexes: number[]): Promise<void> {
    const { view, commands } = this.#context;
    const { films, rules, results } = run;
    const execution = { stream, deadline: run.deadline };
    const decisions = indexes.map((index) => {
      const catalogue = this.#catalogue(rules);
      return () => this.#decide(run, index, catalogue);
    });
    const all = view.queries.together(() => decisions.map((decide) => commands.execute(decide, execution)));
    // Where one fails the round has ended only when the others have, too.
    await Promise.allSettled(all);
    await Promise.all(all);
    // Where ids say which movie is meant, there may be two of a title.
    if (rules.ids === 'replace') return;
    const seconds = view.queries.together(() =>
      indexes.filter((index) => this.#isSecond(films[index] as ImportedFilm, results[index])),
    );
    for (const index of seconds) {
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

  /** What the view shows. A new id stays the same while a film is decided on again, as long as it is free. */
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
    // Somebody has used the last id: the gaps are left.
    do this.#lastGap = queries.gapAfter(this.#lastGap);
    while (this.#isTaken(this.#lastGap));
    return this.#lastGap;
  }

  #isTaken(movieId: number): boolean {
    const { fields, revision } = this.#known(movieId);
    return fields !== undefined || revision > 0;
  }

  /** Whether another replica has added the same film before, under another id. */
  #isSecond(film: ImportedFilm, result: ImportResult | undefined): boolean {
    if (film.another || result?.outcome !== 'added' || result.movieId === null) return false;
    const { queries } = this.#context.view;
    const mine = result.movieId;
    const others = {
      films: (titleKey: string, year?: number) =>
        queries.films(titleKey, year).filter(({ movieId }) => movieId !== mine),
    };
    const other = findFilm(film, others);
    return typeof other === 'number' && this.#known(other).revision < this.#known(mine).revision;
  }

  #removal(movieId: number): OutgoingMessage | null {
    const before = this.#known(movieId);
    if (!before.fields) return null;
    const removed = decideRemove(before, movieId, undefined);
    return movieMessage(this.#context.config.site, movieId, before.revision, removed);
  }
}
