/** What an import makes of one film of a file. Pure: what the catalogue holds comes in. */
import type { KnownMovie } from './commands.ts';
import { distinct, type MovieFields } from './contract.ts';
import { directorKeys, mayShareDirector, shareDirector, titleKey, titleKeys } from './film-identity.ts';
import type { KeyedFilm } from './film-keys.ts';
import { fold } from './fold.ts';

/** A film of a file, which may have an id there. */
export interface ImportedFilm extends MovieFields {
  movieId?: number | undefined;
  /** Its id says which film it is: the file has others of its title, year and director. */
  another?: boolean | undefined;
}

export interface ImportRules {
  /** Whether an id of the file is a wish, is insisted on, or says which movie the film replaces. */
  ids: 'free' | 'keep' | 'replace';
  /** Change only what is not known yet. */
  fill: boolean;
}

/** What is looked up in the catalogue. */
export interface Catalogue {
  movie(movieId: number): KnownMovie;
  /** Films with a key of their title; where a year is given, those of that year and those whose year is not known. */
  films(titleKey: string, year?: number): KeyedFilm[];
  /** An id that no movie has or had. */
  newId(): number;
}

export type ImportDecision =
  | { outcome: 'refused'; reason: string }
  | { outcome: 'added' | 'updated'; movieId: number; revision: number; state: MovieFields }
  | { outcome: 'unchanged'; movieId: number };

/** Decides what becomes of a film. */
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
    return { outcome: 'refused', reason: 'several films have this title and year: a director would tell which it is' };
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

/** The film of the catalogue that a film of a file is, if it is there. */
export function findFilm(film: ImportedFilm, { films }: Pick<Catalogue, 'films'>): number | 'several' | undefined {
  const directors = directorKeys(film.director);
  const keys = titleKeys(film);
  for (const key of keys) {
    const candidates = films(key, film.year ?? undefined);
    const ofYear = candidates.filter(({ year }) => year === (film.year ?? 0));
    const found = choose(film, directors, ofYear);
    if (found !== undefined) return found;
    // Without a year on one side the director has to say that it is the same.
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
  const open = candidates.filter((one) => directors.length === 0 || one.directors.length === 0);
  const best = same.length > 0 ? same : open;
  if (best.length === 0) return undefined;
  const own = best.find((one) => one.movieId === movieId);
  if (own) return own.movieId;
  if (best.length > 1 && directors.length === 0) return 'several';
  // Two replicas may have added it at once: the one that the stream has first stays.
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

/** What is known of a film from both. What the file does not know never takes anything away. */
function merge(known: MovieFields, given: MovieFields, fill: boolean): MovieFields {
  const merged: Record<string, unknown> = { ...known };
  for (const [field, value] of Object.entries(given)) {
    if (isKnown(value) && !(fill && isKnown(merged[field]))) merged[field] = value;
  }
  // Found by another of its titles, it keeps the one that it is shown with.
  const otherName = titleKey(given.title) !== titleKey(known.title);
  const title = fill || otherName ? known.title : given.title;
  const names = [...given.alternativeTitles, ...(otherName ? [given.title] : [])];
  const newNames = names.filter((name) => fold(name) !== fold(title));
  const alternativeTitles = distinct([...known.alternativeTitles, ...newNames]).slice(0, mostTitles);
  return { ...(merged as MovieFields), title, alternativeTitles };
}

/** As many alternative titles as a movie may have. */
const mostTitles = 20;

function isKnown(value: unknown): boolean {
  return value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function taken(movieId: number, { title, year }: MovieFields): string {
  return `the id ${movieId} is that of “${title}”${year === null ? '' : ` (${year})`}`;
}
