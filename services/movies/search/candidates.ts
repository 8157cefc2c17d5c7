/** Finds candidates for a search in the full-text indices, most popular first, and what its words may mean. */
import { eq, gt, sql } from 'drizzle-orm';
import type { Database } from '../../../shared/views/database.ts';
import { genres, movies } from '../schema.ts';
import type { Readings, Ways } from './expressions.ts';
import { KnownWords } from './known-words.ts';
import {
  anchors,
  type DoubtfulSplit,
  doubtfulSplits,
  type Halves,
  halves,
  nearAnchors,
  pieces,
  segmentations,
} from './segments.ts';
import { errorsBetween } from './typing-errors.ts';
import { type AskedTerm, genreKey } from './understand.ts';

/** A movie found by a search; `row` is its `searchRow`. */
export interface Row {
  row: number;
  document: string;
}

/** An expression with an estimate of how many movies it finds. */
export interface Rarity {
  expression: string;
  /** Number of movies found, up to forty. */
  rows: number;
  /** Row of the last of them. The less popular that movie is, the fewer the expression finds. */
  last: number;
}

const rarityRows = 40;

export const byRarity = (a: Rarity, b: Rarity): number => a.rows - b.rows || b.last - a.last;

/** Most terms that are treated as possibly mistyped or joined. Each costs some milliseconds in a large catalogue. */
const maxDoubted = 6;
/** With more doubted terms than this, they share the comparisons of this many. */
const maxFullyCompared = 3;
/** With more terms than this, known words are not doubted. */
const maxWithKnownDoubted = 5;
/** Letters of the shortest word that may be both split and mistyped. */
const minPairLetters = 7;
/** Most words in all ways to split a mistyped word. */
const maxMistypedParts = 24;

export class Candidates {
  readonly #matches;
  readonly #first;
  readonly #popular;
  readonly #words;
  readonly #titled;
  readonly #genres;

  constructor(db: Database) {
    // Plain SQL: drizzle does not know FTS5.
    const client = db.$client;
    const matches = (table: string) =>
      client.prepare<[string, number, number], Row>(
        `SELECT s.rowid AS row, m.document FROM ${table} s JOIN movies m ON m.movie_id = (s.rowid & 2147483647)
         WHERE ${table} MATCH ? AND s.rowid > ? ORDER BY s.rowid LIMIT ?`,
      );
    this.#matches = { names: matches('movie_names'), texts: matches('movie_texts') };
    const first = (table: string) =>
      client
        .prepare<[string], number>(
          `SELECT rowid FROM ${table} WHERE ${table} MATCH ? ORDER BY rowid LIMIT ${rarityRows}`,
        )
        .pluck();
    this.#first = { names: first('movie_names'), texts: first('movie_texts') };
    this.#popular = client
      .prepare<[], number>(`SELECT id FROM movie_texts_docsize ORDER BY id LIMIT 1 OFFSET ${2 * rarityRows}`)
      .pluck();
    this.#words = new KnownWords(db);
    this.#genres = db.select({ key: genres.genreKey }).from(genres).where(gt(genres.movies, 0)).prepare();
    const { movieId, votes, titleKey, document } = movies;
    const asked = sql.placeholder;
    this.#titled = db
      .select({ movieId, votes, document })
      .from(movies)
      .where(eq(titleKey, asked('title')))
      .limit(asked('limit'))
      .prepare();
  }

  /** Returns the most popular movies after a row that an expression finds in names or in all texts. */
  found(index: 'names' | 'texts', expression: string, limit: number, after = -1): Row[] {
    return this.#matches[index].all(expression, after, limit);
  }

  /** Whether any text has a word that starts with the given text. */
  readonly begins = (word: string): boolean => this.#first.texts.get(`"${word}"*`) !== undefined;

  /** Estimates how many movies expressions find, and sorts those first that find the fewest. */
  rarest(index: 'names' | 'texts', expressions: string[]): Rarity[] {
    return expressions
      .map((expression) => {
        const rows = this.#first[index].all(expression);
        return { expression, rows: rows.length, last: rows.at(-1) ?? 0 };
      })
      .sort(byRarity);
  }

  /** Returns the expressions that fewer than half of the popular movies match. The others cost more than they save. */
  selective(expressions: string[]): Rarity[] {
    const popular = this.#popular.get() ?? 0;
    return this.rarest('texts', expressions).filter(({ rows, last }) => rows < rarityRows || last >= popular);
  }

  /** Returns movies with a folded title. */
  titled(title: string, limit: number): { movieId: number; votes: number; document: string }[] {
    return this.#titled.all({ title, limit });
  }

  /** Returns what the terms of a search may mean, except corrections. */
  readings(terms: AskedTerm[]): Readings {
    return {
      ...this.joined(terms),
      known: this.#words.of(terms.map(({ text }) => text)),
      genres: this.#knownGenres(),
      splits: this.#splits(terms),
    };
  }

  /** Returns only which words the terms may begin, and which they may form together. */
  joined(terms: AskedTerm[]): Readings {
    const begun = terms.map(({ text }) => this.#words.begun(text));
    return {
      joins: this.#joins(terms),
      begun,
      known: new Set(),
      corrections: [],
      genres: new Set(),
      splits: [],
      mistyped: [],
      anchors: [],
    };
  }

  /** Returns words that each term may be a mistyped form of. */
  corrections(terms: AskedTerm[], { known }: Readings): string[][] {
    // In a long search the other words find the movie even if one was mistyped as another known word.
    const many = terms.filter(({ weight }) => weight >= 1).length > maxWithKnownDoubted;
    const doubted = terms.filter(({ weight, text }) => weight >= 1 && !(many && known.has(text))).slice(0, maxDoubted);
    const share = Math.min(1, maxFullyCompared / doubted.length);
    // "god fellas" is one word with a typing error. The word is a correction of both terms.
    const pairs = terms.slice(1, maxDoubted).map(({ text }, i) => terms[i]?.text + text);
    const near = this.#words.near(
      pairs.filter(({ length }) => length >= minPairLetters),
      true,
    );
    return terms.map((term, i) => [
      ...(doubted.includes(term) ? this.#words.corrections(term.text, share, this.begins) : []),
      ...pairs.slice(Math.max(0, i - 1), i + 1).flatMap(near),
    ]);
  }

  /** Returns an expression for the first two letters of the terms that are unknown and similar to no word, if any. */
  lost(terms: AskedTerm[], { known, corrections }: Readings): string | undefined {
    const lost = terms.filter(
      ({ text, weight }, i) =>
        weight >= 1 && /^\p{L}{5}/u.test(text) && !known.has(text) && !corrections[i]?.length && !this.begins(text),
    );
    return lost.length === 0 ? undefined : `(${lost.map(({ text }) => `"${text.slice(0, 2)}"*`).join(' OR ')})`;
  }

  /**
   * Splits the first term that is similar to no word if it may be several words typed as one, one of them mistyped
   * ("pulpfictoin"), or in names two ("plupfictoin"). Writes the ways into `readings`. @returns whether there is any
   */
  splitMistyped(readings: Readings, terms: AskedTerm[], index: 'names' | 'texts'): boolean {
    const at = terms.findIndex((term, i) => {
      const [nearest] = readings.corrections[i] ?? [];
      const isNear = nearest !== undefined && errorsBetween(term.text, nearest, 1) < 2;
      return term.weight >= 1 && !readings.known.has(term.text) && !isNear;
    });
    if (at < 0) return false;
    const { text } = terms[at] as AskedTerm;
    const known = this.#words.of(pieces(text));
    const splits = doubtfulSplits(text, known);
    const cuts = index === 'names' ? halves(text) : [];
    const near = this.#words.near([...splits.map(({ doubted }) => doubted), ...cuts.flat()]);
    readings.anchors[at] = [...anchors(text, known), ...nearAnchors(cuts, near)];
    readings.mistyped[at] = this.#mistyped(splits, cuts, near);
    return readings.mistyped[at].length > 0;
  }

  #mistyped(splits: DoubtfulSplit[], cuts: Halves[], near: (word: string) => string[]): Ways {
    const alone = (words: string[]): string[][] => words.map((word) => [word]);
    const one = splits.map(({ before, doubted, after }) => [
      ...alone(before),
      near(doubted).filter((word) => word !== doubted),
      ...alone(after),
    ]);
    const both = cuts.map((pieces) => pieces.map(near));
    const possible = (ways: Ways): Ways => ways.filter((way) => way.every(({ length }) => length > 0));
    let words = 0;
    const some = possible(one).filter((way) => {
      words += way.flat().length;
      return words <= maxMistypedParts;
    });
    return [...some, ...possible(both)];
  }

  #knownGenres(): Set<string> {
    return new Set(this.#genres.all().map(({ key }) => genreKey(key)));
  }

  #joins(terms: AskedTerm[]): Readings['joins'] {
    const candidates = terms.map((_, i) =>
      [2, 3, 4].flatMap((count) => {
        const own = terms.slice(i, i + count);
        // Three and four terms are joined only if they are initials: "j r r tolkien".
        if (own.length < count || (count > 2 && own.some(({ text }) => text.length > 1))) return [];
        return [{ word: own.map(({ text }) => text).join(''), terms: count }];
      }),
    );
    const known = this.#words.of(candidates.flat().map(({ word }) => word));
    return candidates.map((own) => own.findLast(({ word }) => known.has(word)));
  }

  #splits(terms: AskedTerm[]): Readings['splits'] {
    const known = this.#words.of(terms.slice(0, maxDoubted).flatMap(({ text }) => pieces(text)));
    return terms.map(({ text }) => segmentations(text, known));
  }
}
