/** Keyword search: finds a bounded number of candidates and grades each of them. */
import { z } from 'zod';
import { decodeCursor, type PageInput, paginate } from '../../../shared/operations/cursor.ts';
import type { Database } from '../../../shared/views/database.ts';
import { byRarity, Candidates, type Rarity, type Row } from './candidates.ts';
import { every, groups, partial } from './expressions.ts';
import { type Filters, filterExpressions, passes } from './facts.ts';
import { type Match, match, type Searched } from './match.ts';
import { searchRow } from './search-index.ts';
import { type Asked, understand } from './understand.ts';

/** Most candidates of one expression. Grading them takes a few milliseconds. */
const maxPerExpression = 80;
/** Most groups in one expression, the rarest of the search. Long lists of movies take long to intersect. */
const maxTogether = 4;
/** Approximate maximum of terms times candidates of an expression, because a candidate is compared with each term. */
const maxComparisons = 5 * maxPerExpression;
/**
 * From this number of terms, articles are left out, because they are in many movies and say little, and joined words
 * are not searched for typing errors, because the other terms find the movie.
 */
const manyTerms = 5;
/** Most rows that one page reads beyond the graded movies. */
const maxRead = 1000;
const maxTitled = 20;

export type Wanted = Filters & PageInput;

/** A movie that was found. */
export interface Found {
  row: number;
  document: string;
  movie: Searched & { movieId: number; rating: number | null };
  match: Match;
}

/** A page of results, best first. `best` is the best of all pages. */
export interface FoundPage {
  asked: Asked;
  found: Found[];
  best: Found | undefined;
  next: string | null;
}

interface Graded {
  /** Graded movies, best first. */
  graded: Found[];
  /** Returns movies after a row that have all of the words anywhere. */
  rest: (after: number, limit: number) => Row[];
}

/** Searches one view. Popular movies are graded and come first; others with all the words follow by popularity. */
export class Search {
  readonly #candidates: Candidates;

  constructor(db: Database) {
    this.#candidates = new Candidates(db);
  }

  /** Returns a page of results for any text. @throws AppError invalid for another search's cursor */
  find(text: string, { limit, cursor, ...filters }: Wanted): FoundPage {
    const asked = understand(text, this.#candidates.begins);
    const scope = JSON.stringify(['search', asked.title, filters]);
    const position = cursor === undefined ? undefined : positionOf(scope, cursor);
    const { graded, rest } = this.#graded(asked, filters);
    const found = position?.part === 'rest' ? [] : following(graded, position).slice(0, limit + 1);
    if (found.length <= limit) {
      const after = position?.part === 'rest' ? position.row : -1;
      const seen = new Set(graded.map(({ row }) => row));
      found.push(...this.#rest({ asked, rest, filters, seen, after }, limit + 1 - found.length));
    }
    const { items, next } = paginate(found, limit, scope, (last) => {
      return [graded.includes(last) ? 'best' : 'rest', last.match.score, last.row];
    });
    return { asked, found: items, best: graded[0], next };
  }

  #graded(asked: Asked, filters: Filters): Graded {
    const grades = new Grades(asked, filters);
    for (const { movieId, votes, document } of this.#candidates.titled(asked.title, maxTitled)) {
      grades.add([{ row: searchRow(movieId, votes), document }]);
    }
    const { terms } = asked;
    if (terms.length === 0) return { graded: grades.sorted(), rest: () => [] };

    const asFilters = filterExpressions(filters);
    const selective = this.#candidates.selective(asFilters);
    const isFiltered = selective.length > 0;
    const perExpression = Math.min(maxPerExpression, Math.ceil(maxComparisons / terms.length));
    // With a filter all expressions search in texts, and are often the same.
    const tried = new Set<string>();
    /** Rows of the expressions that have no further ones. */
    const complete = new Map<string, Row[]>();
    // The filters are part of each expression. Otherwise FTS5 would read all movies of an OR.
    const all = (parts: Rarity[]): string =>
      every([...parts, ...selective].sort(byRarity).map(({ expression }) => expression));
    const add = (index: 'names' | 'texts', expression: string, limit = perExpression): void => {
      if (tried.has(index + expression)) return;
      tried.add(index + expression);
      const rows = this.#candidates.found(index, expression, limit);
      if (rows.length < limit) complete.set(index + expression, rows);
      grades.add(rows);
    };
    // The index of names has no genres and years.
    const names = isFiltered ? 'texts' : 'names';
    const readings = this.#candidates.readings(terms);
    const expressions = (corrected: boolean, texts: boolean, least: number, anchored = false): Rarity[] => {
      const reach = { texts, split: !texts || isFiltered, corrected, anchored };
      const asked = groups(terms, readings, reach, least);
      // A single group need not be compared.
      if (asked.length === 1) return asked.map((expression) => ({ expression, rows: 1, last: 0 }));
      const found = this.#candidates.rarest(texts ? 'texts' : 'names', asked);
      const some = found.length > maxTogether ? found.filter(({ rows }) => rows > 0) : found;
      return (some.length > 0 ? some : found).slice(0, maxTogether);
    };
    // Without articles, which are in nearly every text.
    let inTexts: Rarity[] | undefined;
    const allInTexts = (): Rarity[] => {
      inTexts ??= expressions(false, true, 0.2);
      return inTexts;
    };
    const everywhere = (): string => all(allInTexts());
    add(names, isFiltered ? everywhere() : all(expressions(false, false, terms.length < manyTerms ? 0.05 : 0.2)));
    if (!grades.hasExact()) {
      add('texts', everywhere(), Math.ceil(perExpression / 2));
      readings.corrections = this.#candidates.corrections(terms, readings);
      let loose: Rarity[] = [];
      const loosely = (anchored = false): void => {
        loose = expressions(true, isFiltered, 0.2, anchored);
        add(names, all(loose));
      };
      loosely();
      if (!grades.hasNearlyAll() && terms.length < manyTerms) {
        if (this.#candidates.splitMistyped(readings, terms, names)) loosely();
        if (!grades.hasNearlyAll() && readings.anchors.some(({ length }) => length > 0)) loosely(true);
      }
      // Words mistyped in too many places are found by their first letters: "psuvho", "ratatooee".
      const lost = grades.hasNothing() ? this.#candidates.lost(terms, readings) : undefined;
      if (lost) add(names, all([{ expression: lost, rows: Number.MAX_SAFE_INTEGER, last: 0 }]));
      const partsOf = (groups: Rarity[]): Rarity[][] => partial(groups.filter(({ rows }) => rows > 0));
      const addParts = (index: 'names' | 'texts', parts: Rarity[][]): void => {
        for (const part of parts) {
          if (grades.hasNearlyAll()) break;
          add(index, all(part), Math.ceil((2 * perExpression) / Math.max(parts.length, 4)));
        }
      };
      addParts(names, partsOf(loose));
      // A description counts if it has two of the words, or one if nothing else was found.
      if (!isFiltered && complete.get(`texts${everywhere()}`)?.length === 0) {
        const size = grades.hasNothing() ? 1 : 2;
        addParts(
          'texts',
          partsOf(allInTexts()).filter(({ length }) => length === size),
        );
      }
    }
    const unselective = asFilters.filter((one) => !selective.some(({ expression }) => expression === one));
    // All filters are part of this expression: a page would end too early if grading had to drop most of its rows.
    const rest = (after: number, limit: number): Row[] =>
      complete.get(`texts${everywhere()}`)?.filter(({ row }) => row > after) ??
      this.#candidates.found('texts', every([everywhere(), ...unselective]), limit, after);
    return { graded: grades.sorted(), rest };
  }

  #rest(
    from: { asked: Asked; filters: Filters; seen: Set<number>; after: number } & Pick<Graded, 'rest'>,
    wanted: number,
  ) {
    const { asked, rest, filters, seen } = from;
    const found: Found[] = [];
    let { after } = from;
    for (let read = 0; found.length < wanted && read < maxRead; ) {
      // The first rows are probably the graded movies again, because those are popular.
      const limit = Math.min(wanted + 50 + (after < 0 ? seen.size : 0), maxRead);
      const rows = rest(after, limit);
      read += rows.length;
      for (const row of rows) {
        if (found.length === wanted) break;
        after = row.row;
        if (seen.has(row.row)) continue;
        const graded = grade(asked, filters, row);
        if (graded) found.push(graded);
      }
      if (rows.length < limit) break;
    }
    return found;
  }
}

/** The candidates of one search, each graded once. */
class Grades {
  readonly #asked: Asked;
  readonly #filters: Filters;
  readonly #found = new Map<number, Found>();

  constructor(asked: Asked, filters: Filters) {
    this.#asked = asked;
    this.#filters = filters;
  }

  add(rows: Row[]): void {
    for (const row of rows) {
      if (this.#found.has(row.row)) continue;
      const graded = grade(this.#asked, this.#filters, row);
      if (graded) this.#found.set(row.row, graded);
    }
  }

  /** Whether a movie has everything as it was typed, outside of its description. */
  hasExact(): boolean {
    const { terms } = this.#asked;
    // The fit must be high, too: a first name and a word of a title may be another title mistyped: "sean of the dead".
    return this.#some(
      ({ match: { fit, hits } }) =>
        fit > 0.83 &&
        terms.every(({ weight, text }, i) => {
          const hit = hits[i];
          if (weight < 0.1) return true;
          // A lower quality means a mistyped term or the start of a longer word, which only short terms may be.
          return hit !== undefined && hit.in !== 'description' && hit.quality >= (text.length < 3 ? 0.6 : 0.95);
        }),
    );
  }

  /** Whether no movie has anything that was asked. */
  hasNothing(): boolean {
    return !this.#some(({ match }) => match.fit > 0);
  }

  /** Whether a movie has nearly everything that was asked. */
  hasNearlyAll(): boolean {
    return this.#some(
      ({ match: { fit, hits } }) =>
        fit > 0.78 && this.#asked.terms.every(({ weight }, i) => weight < 0.1 || hits[i] !== undefined),
    );
  }

  /** Returns the movies, best first, without those that fit much less than the best. */
  sorted(): Found[] {
    const all = [...this.#found.values()];
    const nothing = this.#asked.terms.length === 0 ? 0 : 0.01;
    const least = Math.max(nothing, 0.5 * Math.max(0, ...all.map(({ match }) => match.fit)));
    return all.filter(({ match }) => match.fit >= least).sort(order);
  }

  #some(condition: (found: Found) => boolean): boolean {
    for (const found of this.#found.values()) if (condition(found)) return true;
    return false;
  }
}

/** Grades a movie; undefined if it does not match the filters. */
function grade(asked: Asked, filters: Filters, { row, document }: Row): Found | undefined {
  const movie = JSON.parse(document) as Found['movie'];
  return passes(filters, movie) ? { row, document, movie, match: match(asked, movie) } : undefined;
}

type Placed = { match: { score: number }; row: number };

function order(a: Placed, b: Placed): number {
  return b.match.score - a.match.score || a.row - b.row;
}

interface Position {
  part: 'best' | 'rest';
  score: number;
  row: number;
}

function following(graded: Found[], position: Position | undefined): Found[] {
  if (!position) return graded;
  const last = { match: { score: position.score }, row: position.row };
  return graded.filter((found) => order(last, found) < 0);
}

const positionKey = z.tuple([z.enum(['best', 'rest']), z.number(), z.int()]);

function positionOf(scope: string, cursor: string): Position {
  const [part, score, row] = decodeCursor(scope, cursor, positionKey);
  return { part, score, row };
}
