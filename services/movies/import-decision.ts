/** Decides what an import does with one film of a file. Pure: the catalogue is passed in. */
import type { KnownMovie } from './commands.ts';
import { distinct, type MovieFields } from './contract.ts';
import { directorKeys, mayShareDirector, shareDirector, titleKey, titleKeys } from './film-identity.ts';
import type { KeyedFilm } from './film-keys.ts';
import { fold } from './fold.ts';

/** A film of a file, with its id there if it has one. */
export interface ImportedFilm extends MovieFields {
  movieId?: number | undefined;
  /** Match by id, because the file has other films with the same title, year and director. */
  another?: boolean | undefined;
}

export interface ImportRules {
  /** Whether an id of the file is used if it is free, is required, or identifies the movie to replace. */
  ids: 'free' | 'keep' | 'replace';
  /** Set only fields that are still unknown. */
  fill: boolean;
}

/** The lookups in the catalogue that a decision needs. */
export interface Catalogue {
  movie(movieId: number): KnownMovie;
  /** Returns the films with a title key; given a year, only those of that year or of an unknown year. */
  films(titleKey: string, year?: number): KeyedFilm[];
  /** Returns an id that no movie has or had. */
  newId(): number;
}

export type ImportDecision =
  | { outcome: 'refused'; reason: string }
  | { outcome: 'added' | 'updated'; movieId: number; revision: number; state: MovieFields }
  | { outcome: 'unchanged'; movieId: number };

/** Decides whether a film is added, updates a movie, changes nothing or is refused. */
export function decideImport(film: ImportedFilm, rules: ImportRules, catalogue: Catalogue): ImportDecision {
  const { movieId: ownId, another, ...fields } = film;
  const own = ownId === undefined ? undefined : { movieId: ownId, ...catalogue.movie(ownId) };
  if (rules.ids === 'replace' && own) return change(own, fields);

  if (another && own) {
    if (own.fields && !isSame(film, own.fields)) return { outcome: 'refused', reason: taken(own.movieId, own.fields) };
    return change(own, own.fields ? merge(own.fields, fields, rules.fill) : fields);
  }
  const found = own?.fields && isSame(film, own.fields) ? own.movieId : findFilm(film, catalogue);
  if (found === 'several') {
    const reason = 'several films in the catalogue have this title and year: add a director to tell them apart';
    return { outcome: 'refused', reason };
  }
  if (rules.ids === 'keep') {
    if (!own) return { outcome: 'refused', reason: 'has no id in the file' };
    if (found !== undefined && found !== own.movieId) {
      return { outcome: 'refused', reason: `is in the catalogue already, with the id ${found}` };
    }
    if (own.fields && found === undefined) {
      return { outcome: 'refused', reason: taken(own.movieId, own.fields) };
    }
  }
  if (found !== undefined) {
    const before = found === own?.movieId ? own : { movieId: found, ...catalogue.movie(found) };
    if (!before.fields) return change(before, fields);
    return change(before, rules.ids === 'replace' ? fields : merge(before.fields, fields, rules.fill));
  }
  if (own && !own.fields) return change(own, fields);
  const movieId = catalogue.newId();
  return change({ movieId, ...catalogue.movie(movieId) }, fields);
}

/** Finds the movie of the catalogue that is the same film. */
export function findFilm(film: ImportedFilm, { films }: Pick<Catalogue, 'films'>): number | 'several' | undefined {
  const directors = directorKeys(film.director);
  const keys = titleKeys(film);
  for (const key of keys) {
    const candidates = films(key, film.year ?? undefined);
    const ofYear = candidates.filter(({ year }) => year === (film.year ?? 0));
    const found = choose(film, directors, ofYear);
    if (found !== undefined) return found;
    // If one side lacks the year, only a common director shows that both are the same film.
    const same = candidates.filter((other) => shareDirector(directors, other.directors));
    if (same.length === 1) return same[0]?.movieId;
  }
  return undefined;
}

function choose(
  { movieId }: ImportedFilm,
  directors: string[],
  candidates: KeyedFilm[],
): number | 'several' | undefined {
  const same = candidates.filter((one) => shareDirector(directors, one.directors));
  const undecided = candidates.filter((one) => directors.length === 0 || one.directors.length === 0);
  const best = same.length > 0 ? same : undecided;
  if (best.length === 0) return undefined;
  const own = best.find((one) => one.movieId === movieId);
  if (own) return own.movieId;
  if (best.length > 1 && directors.length === 0) return 'several';
  // Two replicas may have added the film at once: the one that is first in the stream stays.
  return best.reduce((first, one) => (one.revision < first.revision ? one : first)).movieId;
}

function isSame(film: ImportedFilm, known: MovieFields): boolean {
  if (film.year !== known.year || titleKey(film.title) !== titleKey(known.title)) return false;
  return mayShareDirector(directorKeys(film.director), directorKeys(known.director));
}

function change(before: KnownMovie & { movieId: number }, state: MovieFields): ImportDecision {
  const { movieId, revision, fields } = before;
  if (!fields) return { outcome: 'added', movieId, revision, state };
  if (JSON.stringify(fields) === JSON.stringify(state)) return { outcome: 'unchanged', movieId };
  return { outcome: 'updated', movieId, revision, state };
}

/** Merges a film of a file into a movie. Fields unknown to the file keep their values. */
function merge(known: MovieFields, given: MovieFields, fill: boolean): MovieFields {
  const merged: Record<string, unknown> = { ...known };
  for (const [field, value] of Object.entries(given)) {
    if (isKnown(value) && !(fill && isKnown(merged[field]))) merged[field] = value;
  }
  // A movie matched by one of its other titles keeps its main title.
  const otherName = titleKey(given.title) !== titleKey(known.title);
  const title = fill || otherName ? known.title : given.title;
  const names = [...given.alternativeTitles, ...(otherName ? [given.title] : [])];
  const newNames = names.filter((name) => fold(name) !== fold(title));
  const alternativeTitles = distinct([...known.alternativeTitles, ...newNames]).slice(0, maxAlternativeTitles);
  return { ...(merged as MovieFields), title, alternativeTitles };
}

/** The limit of `alternativeTitles` in movie-fields.ts. */
const maxAlternativeTitles = 20;

function isKnown(value: unknown): boolean {
  return value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function taken(movieId: number, { title, year }: MovieFields): string {
  return `the id ${movieId} belongs to “${title}”${year === null ? '' : ` (${year})`}`;
}
