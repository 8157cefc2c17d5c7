/** The rows that a search looks at: what the indices hold, most popular first, and what the catalogue knows of words. */
import { eq, gt, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { longestIndexed, type Readings, type Ways } from './expressions.ts';
import { genres, movies } from './schema.ts';
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
import { errorsBetween, forgiven, variants } from './typing-errors.ts';
import { type AskedTerm, genreKey } from './understand.ts';

/** `row` as `searchRow` makes it. */
export interface Row {
  row: number;
  document: string;
}

/** How rare what an expression finds is. */
export interface Rarity {
  expression: string;
  /** How many movies it finds, counted to forty, and the row of that one: the less popular, the fewer it finds. */
  rows: number;
  last: number;
}

const rarityRows = 40;

export const byRarity = (a: Rarity, b: Rarity): number => a.rows - b.rows || b.last - a.last;

/** Words that a mistyped one is taken for, at most. */
const mostCorrections = 4;
/** Terms of a search that are looked for as mistyped or joined: each costs some milliseconds in a large catalogue. */
const mostDoubted = 6;
/** Where more words are doubted they share the comparisons that so many would have. */
const mostDoubtedWhole = 3;
/** With more terms those that are words are not doubted. */
const mostKnownDoubted = 5;
/** Words of all the ways to part a mistyped word that are looked for. */
const mostMistypedParts = 24;
/** Words that a piece of such a word is looked for as. */
const mostNearPiece = 12;
/** Words with the same first letters that are compared with a long mistyped one. */
const mostAlike = 3000;
/** Of the words within a few typing errors, those whose popularity is looked up. */
const mostNear = 40;
/** Words that a longer prefix is looked for as. */
const mostBegun = 40;

const asList = 'SELECT value FROM json_each(?)';

export class Candidates {
  readonly #matches;
  readonly #first;
  readonly #popular;
  readonly #popularity;
  readonly #known;
  readonly #variants;
  readonly #wordsOfVariants;
  readonly #alike;
  readonly #alikeVariants;
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
    this.#popularity = client
      .prepare<[string], number>('SELECT rowid FROM movie_names WHERE movie_names MATCH ? ORDER BY rowid LIMIT 1')
      .pluck();
    this.#known = client.prepare<[string], string>(`SELECT word FROM words WHERE word IN (${asList})`).pluck();
    this.#variants = client
      .prepare<[string], string>(`SELECT DISTINCT word FROM word_variants WHERE variant IN (${asList})`)
      .pluck();
    this.#wordsOfVariants = client
      .prepare<[string], [string, string]>(`SELECT variant, word FROM word_variants WHERE variant IN (${asList})`)
      .raw();
    this.#alike = client
      .prepare<[string, string, number, number, number], string>(
        'SELECT word FROM words WHERE word > ? AND word < ? AND length(word) BETWEEN ? AND ? LIMIT ?',
      )
      .pluck();
    this.#alikeVariants = client
      .prepare<[string, string, number, number, number], string>(
        'SELECT word FROM word_variants WHERE variant > ? AND variant < ? AND length(word) BETWEEN ? AND ? LIMIT ?',
      )
      .pluck();
    this.#genres = db.select({ name: genres.name }).from(genres).where(gt(genres.movies, 0)).prepare();
    const { movieId, votes, titleKey, document } = movies;
    const asked = sql.placeholder;
    this.#titled = db
      .select({ movieId, votes, document })
      .from(movies)
      .where(eq(titleKey, asked('title')))
      .limit(asked('limit'))
      .prepare();
  }

  /** The most popular movies, behind a row, that an expression finds in names or in all texts. */
  found(index: 'names' | 'texts', expression: string, limit: number, after = -1): Row[] {
    return this.#matches[index].all(expression, after, limit);
  }

  /** Whether some text has a word that begins so. */
  readonly begins = (word: string): boolean => this.#first.texts.get(`"${word}"*`) !== undefined;

  /** Which movies expressions find, about: those first that find the fewest. */
  rarest(index: 'names' | 'texts', expressions: string[]): Rarity[] {
    return expressions
      .map((expression) => {
        const rows = this.#first[index].all(expression);
        return { expression, rows: rows.length, last: rows.at(-1) ?? 0 };
      })
      .sort(byRarity);
  }

  /** Those of some expressions that not even half of the popular movies fit: to look for the others takes longer than it saves. */
  selective(expressions: string[]): Rarity[] {
    const popular = this.#popular.get() ?? 0;
    return this.rarest('texts', expressions).filter(({ rows, last }) => rows < rarityRows || last >= popular);
  }

  /** Movies whose folded title is this. */
  titled(title: string, limit: number): { movieId: number; votes: number; document: string }[] {
    return this.#titled.all({ title, limit });
  }

  /** What the words of a search may be beside what they are. */
  readings(terms: AskedTerm[]): Readings {
    return {
      ...this.joined(terms),
      known: this.#knownOf(terms.map(({ text }) => text)),
      genres: this.#knownGenres(),
      splits: this.#splits(terms),
    };
  }

  /** What they may begin, and what they may be together. */
  joined(terms: AskedTerm[]): Readings {
    const begun = terms.map(({ text }) => this.#begun(text));
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

  /** Words that the terms may be mistyped forms of. */
  corrections(terms: AskedTerm[], { known }: Readings): string[][] {
    // Among many words one that is a word and not the right one is found by the others.
    const many = terms.filter(({ weight }) => weight >= 1).length > mostKnownDoubted;
    const doubted = terms.filter(({ weight, text }) => weight >= 1 && !(many && known.has(text))).slice(0, mostDoubted);
    const share = Math.min(1, mostDoubtedWhole / doubted.length);
    return terms.map((term) => (doubted.includes(term) ? this.#corrections(term.text, share) : []));
  }

  /**
   * Parts the first term that no word is near to, if it is words written as one and one is mistyped: "pulpfictoin". In names
   * it may be two: "plupfictoin".
   */
  partMistyped(readings: Readings, terms: AskedTerm[], index: 'names' | 'texts'): boolean {
    const at = terms.findIndex((term, i) => {
      const [nearest] = readings.corrections[i] ?? [];
      const isNear = nearest !== undefined && errorsBetween(term.text, nearest, 1) < 2;
      return term.weight >= 1 && !readings.known.has(term.text) && !isNear;
    });
    if (at < 0) return false;
    const { text } = terms[at] as AskedTerm;
    const known = this.#knownOf(pieces(text));
    const splits = doubtfulSplits(text, known);
    const cuts = index === 'names' ? halves(text) : [];
    const near = this.#wordsNear([...splits.map(({ doubted }) => doubted), ...cuts.flat()]);
    readings.anchors[at] = [...anchors(text, known), ...nearAnchors(cuts, near)];
    readings.mistyped[at] = this.#mistyped(splits, cuts, near);
    return readings.mistyped[at].length > 0;
  }

  #mistyped(splits: DoubtfulSplit[], cuts: Halves[], near: (word: string) => string[]): Ways {
    const alone = (words: string[]): string[][] => words.map((word) => [word]);
    const one = splits.map(({ before, doubted, behind }) => [
      ...alone(before),
      near(doubted).filter((word) => word !== doubted),
      ...alone(behind),
    ]);
    const both = cuts.map((pieces) => pieces.map(near));
    const possible = (ways: Ways): Ways => ways.filter((way) => way.every(({ length }) => length > 0));
    let words = 0;
    const some = possible(one).filter((way) => {
      words += way.flat().length;
      return words <= mostMistypedParts;
    });
    return [...some, ...possible(both)];
  }

  /** For each of some words those that are known and have one typing error at most, the word itself first. */
  #wordsNear(doubted: string[]): (word: string) => string[] {
    const list = JSON.stringify([...new Set(doubted.flatMap((word) => [word, ...variants(word)]))]);
    const near = new Map<string, string[]>();
    const add = (variant: string, word: string): void => {
      const words = near.get(variant);
      if (words) words.push(word);
      else near.set(variant, [word]);
    };
    for (const word of this.#known.all(list)) add(word, word);
    for (const [variant, word] of this.#wordsOfVariants.all(list)) add(variant, word);
    return (word) => {
      const words = new Set([word, ...variants(word)].flatMap((variant) => near.get(variant) ?? []));
      return [...words].filter((other) => errorsBetween(word, other, 1) <= 1).slice(0, mostNearPiece);
    };
  }

  /** Words that begin as a mistyped one does, but for one of its first letters. */
  #alikeButOne(own: string[], length: number, most: number): Set<string> {
    const starts = new Set(own.slice(0, 4).map((variant) => variant.slice(0, 3)));
    const near = [length - most, length + most, mostAlike] as const;
    return new Set([...starts].flatMap((start) => this.#alikeVariants.all(start, `${start}\u{10ffff}`, ...near)));
  }

  #begun(text: string): string[] | undefined {
    if (text.length <= longestIndexed) return undefined;
    const longer = this.#alike.all(text, `${text}\u{10ffff}`, 0, Number.MAX_SAFE_INTEGER, mostBegun);
    return longer.length < mostBegun ? [text, ...longer] : undefined;
  }

  #knownGenres(): Set<string> {
    return new Set(this.#genres.all().map(({ name }) => genreKey(name)));
  }

  #joins(terms: AskedTerm[]): Readings['joins'] {
    const candidates = terms.map((_, i) =>
      [2, 3, 4].flatMap((count) => {
        const own = terms.slice(i, i + count);
        // Three and four are for initials: "j r r tolkien".
        if (own.length < count || (count > 2 && own.some(({ text }) => text.length > 1))) return [];
        return [{ word: own.map(({ text }) => text).join(''), terms: count }];
      }),
    );
    const known = this.#knownOf(candidates.flat().map(({ word }) => word));
    return candidates.map((own) => own.findLast(({ word }) => known.has(word)));
  }

  #splits(terms: AskedTerm[]): Readings['splits'] {
    const known = this.#knownOf(terms.slice(0, mostDoubted).flatMap(({ text }) => pieces(text)));
    return terms.map(({ text }) => segmentations(text, known));
  }

  #knownOf(words: string[]): Set<string> {
    return words.length === 0 ? new Set() : new Set(this.#known.all(JSON.stringify(words)));
  }

  /**
   * Words within a few typing errors, nearest and then most popular first.
   * @param share of the words that may be looked at, 0 to 1
   */
  #corrections(word: string, share: number): string[] {
    const own = variants(word);
    if (own.length === 0) return [];
    const [list, withItself] = [JSON.stringify(own), JSON.stringify([word, ...own])];
    const candidates = new Set([...this.#known.all(list), ...this.#variants.all(withItself)]);
    const most = forgiven(word.length);
    if (most > 1) {
      const start = word.slice(0, 3);
      const [shortest, longest] = [word.length - most, word.length + most];
      const alike = this.#alike.all(start, `${start}\u{10ffff}`, shortest, longest, Math.ceil(share * mostAlike));
      for (const other of alike) candidates.add(other);
    }
    candidates.delete(word);
    const within = (others: Iterable<string>) =>
      [...others]
        .map((other) => ({ other, errors: errorsBetween(word, other, most) }))
        .filter(({ errors }) => errors <= most);
    let found = within(candidates);
    if (found.length === 0 && most > 1 && share === 1) found = within(this.#alikeButOne(own, word.length, most));
    found.sort((a, b) => a.errors - b.errors);
    const errors = found[mostCorrections - 1]?.errors ?? most;
    const near = found
      .filter((one) => one.errors <= errors)
      .slice(0, Math.ceil(share * mostNear))
      .map((one) => ({ ...one, popularity: this.#popularity.get(`"${one.other}"`) ?? Number.MAX_SAFE_INTEGER }));
    return near
      .sort((a, b) => a.errors - b.errors || a.popularity - b.popularity)
      .slice(0, mostCorrections)
      .map(({ other }) => other);
  }
}
