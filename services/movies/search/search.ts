/** Keyword search: a bounded number of candidates, graded one by one. */
import { z } from 'zod';
import { decodeCursor, paginate } from '../../../shared/operations/cursor.ts';
import type { Database } from '../../../shared/views/database.ts';
import { byRarity, Candidates, type Rarity, type Row } from './candidates.ts';
import { every, groups, partial } from './expressions.ts';
import { type Filters, filterExpressions, passes } from './facts.ts';
import { type Match, match, type Searched } from './match.ts';
import { searchRow } from './search-index.ts';
import { type Asked, understand } from './understand.ts';

/** Candidates of each kind. Graded, they take a few milliseconds. */
const mostOfKind = 80;

/** Words of a search that are looked for together, the rarest of it: long lists of movies take long to compare. */
const mostTogether = 4;
/** Terms times candidates that are graded, about: a candidate is compared with each term. */
const mostGraded = 5 * mostOfKind;
/**
 * With as many terms articles are left out: each is in so many movies that it takes long and says little. A joined word with
 * a typing error is found by the others.
 */
const manyTerms = 5;
/** Rows that one page reads of the rest, at most. */
const mostRead = 1000;
const mostTitled = 20;

export interface Wanted extends Filters {
  limit: number;
  cursor?: string | undefined;
}

/** A movie that was found. */
export interface Found {
  row: number;
  document: string;
  movie: Searched & { movieId: number; rating: number | null };
  match: Match;
}

/** A page of what was found, best first, with the best of all pages. */
export interface FoundPage {
  asked: Asked;
  found: Found[];
  best: Found | undefined;
  next: string | null;
}

/** The graded movies, best first, and those with all of the words, in names or texts, behind a row. */
interface Graded {
  graded: Found[];
  rest: (after: number, limit: number) => Row[];
}

/**
 * Searches one view. The most popular movies of each kind of match are graded and come first. Behind them come the others
 * that have all of the words somewhere, the most popular first.
 */
export class Search {
  readonly #candidates: Candidates;

  constructor(db: Database) {
    this.#candidates = new Candidates(db);
  }

  /** Any text is a search. @throws AppError invalid for a cursor of another search */
  find(text: string, { limit, cursor, ...filters }: Wanted): FoundPage {
    const asked = understand(text, this.#candidates.begins);
    const scope = JSON.stringify(['search', asked.title, filters]);
    const position = cursor === undefined ? undefined : positionOf(scope, cursor);
    const { graded, rest } = this.#graded(asked, filters);
    const found = position?.part === 'rest' ? [] : behind(graded, position).slice(0, limit + 1);
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
    for (const { movieId, votes, document } of this.#candidates.titled(asked.title, mostTitled)) {
      grades.add([{ row: searchRow(movieId, votes), document }]);
    }
    const { terms } = asked;
    if (terms.length === 0) return { graded: grades.sorted(), rest: () => [] };

    const asFilters = filterExpressions(filters);
    const filtered = this.#candidates.selective(asFilters);
    const filter = filtered.length > 0;
    const ofKind = Math.min(mostOfKind, Math.ceil(mostGraded / terms.length));
    // With a filter both kinds are looked for in texts, and are often the same.
    const tried = new Set<string>();
    /** What was found by expressions that find no more. */
    const whole = new Map<string, Row[]>();
    // What a filter asks for stands in each expression: an OR would be read as a whole otherwise.
    const all = (parts: Rarity[]): string =>
      every([...parts, ...filtered].sort(byRarity).map(({ expression }) => expression));
    const add = (index: 'names' | 'texts', expression: string, limit = ofKind): void => {
      if (tried.has(index + expression)) return;
      tried.add(index + expression);
      const rows = this.#candidates.found(index, expression, limit);
      if (rows.length < limit) whole.set(index + expression, rows);
      grades.add(rows);
    };
    // The names have no genres and years.
    const names = filter ? 'texts' : 'names';
    const readings = this.#candidates.readings(terms);
    const expressions = (corrected: boolean, texts: boolean, least: number, anchored = false): Rarity[] => {
      const reach = { texts, parted: !texts || filter, corrected, anchored };
      const asked = groups(terms, readings, reach, least);
      // One has none to be rarer than.
      if (asked.length === 1) return asked.map((expression) => ({ expression, rows: 1, last: 0 }));
      const found = this.#candidates.rarest(texts ? 'texts' : 'names', asked);
      const some = found.length > mostTogether ? found.filter(({ rows }) => rows > 0) : found;
      return (some.length > 0 ? some : found).slice(0, mostTogether);
    };
    // Without articles: what is in nearly every text costs much and says nothing.
    let inTexts: Rarity[] | undefined;
    const allInTexts = (): Rarity[] => {
      inTexts ??= expressions(false, true, 0.2);
      return inTexts;
    };
    const everywhere = (): string => all(allInTexts());
    add(names, filter ? everywhere() : all(expressions(false, false, terms.length < manyTerms ? 0.05 : 0.2)));
    if (!grades.good()) {
      add('texts', everywhere(), Math.ceil(ofKind / 2));
      readings.corrections = this.#candidates.corrections(terms, readings);
      let loose: Rarity[] = [];
      const loosely = (anchored = false): void => {
        loose = expressions(true, filter, 0.2, anchored);
        add(names, all(loose));
      };
      loosely();
      if (!grades.fair() && terms.length < manyTerms) {
        if (this.#candidates.partMistyped(readings, terms, names)) loosely();
        if (!grades.fair() && readings.anchors.some(({ length }) => length > 0)) loosely(true);
      }
      // What is wrong in too many places begins as its word does: "psuvho", "ratatooee".
      const lost = grades.none() ? this.#candidates.lost(terms, readings) : undefined;
      if (lost) add(names, all([{ expression: lost, rows: Number.MAX_SAFE_INTEGER, last: 0 }]), ofKind);
      const partsOf = (groups: Rarity[]): Rarity[][] => partial(groups.filter(({ rows }) => rows > 0));
      const addParts = (index: 'names' | 'texts', parts: Rarity[][]): void => {
        for (const part of parts) {
          if (grades.fair()) break;
          add(index, all(part), Math.ceil((2 * ofKind) / Math.max(parts.length, 4)));
        }
      };
      addParts(names, partsOf(loose));
      // Two words of a description say something, one only where there is nothing else.
      if (!filter && whole.get(`texts${everywhere()}`)?.length === 0) {
        const size = grades.none() ? 1 : 2;
        addParts(
          'texts',
          partsOf(allInTexts()).filter(({ length }) => length === size),
        );
      }
    }
    const unread = asFilters.filter((one) => !filtered.some(({ expression }) => expression === one));
    // Here all filters are asked for: where few rows pass one that is left to the grading, a page would end too early.
    const rest = (after: number, limit: number): Row[] =>
      whole.get(`texts${everywhere()}`)?.filter(({ row }) => row > after) ??
      this.#candidates.found('texts', every([everywhere(), ...unread]), limit, after);
    return { graded: grades.sorted(), rest };
  }

  #rest(
    from: { asked: Asked; filters: Filters; seen: Set<number>; after: number } & Pick<Graded, 'rest'>,
    wanted: number,
  ) {
    const { asked, rest, filters, seen } = from;
    const found: Found[] = [];
    let { after } = from;
    for (let read = 0; found.length < wanted && read < mostRead; ) {
      // Those that are graded are popular, and come first here, too.
      const limit = Math.min(wanted + 50 + (after < 0 ? seen.size : 0), mostRead);
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

  /** Whether a title, with its people, has all that was asked as it was typed. */
  good(): boolean {
    const { terms } = this.#asked;
    // A first name and a word of a title that lacks the rest may be a mistyped title: "sean of the dead".
    return this.#some(
      ({ match: { fit, hits } }) =>
        fit > 0.83 &&
        terms.every(({ weight, text }, i) => {
          const hit = hits[i];
          if (weight < 0.1) return true;
          // What begins a longer word may also be a mistyped one.
          return hit !== undefined && hit.in !== 'description' && hit.quality >= (text.length < 3 ? 0.6 : 0.95);
        }),
    );
  }

  /** Whether nothing has any of it. */
  none(): boolean {
    return !this.#some(({ match }) => match.fit > 0);
  }

  /** Whether one has nearly all. */
  fair(): boolean {
    return this.#some(
      ({ match: { fit, hits } }) =>
        fit > 0.8 && this.#asked.terms.every(({ weight }, i) => weight < 0.1 || hits[i] !== undefined),
    );
  }

  /** The best first; without those that fit much less than the best. */
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

/** A movie with its grade; undefined where it does not pass. */
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

function behind(graded: Found[], position: Position | undefined): Found[] {
  if (!position) return graded;
  const last = { match: { score: position.score }, row: position.row };
  return graded.filter((found) => order(last, found) < 0);
}

const positionKey = z.tuple([z.enum(['best', 'rest']), z.number(), z.int()]);

function positionOf(scope: string, cursor: string): Position {
  const [part, score, row] = decodeCursor(scope, cursor, positionKey);
  return { part, score, row };
}
