/** What the catalogue knows of words: which it has, and which others are near to one that is mistyped. */
import type { Database } from '../../../shared/views/database.ts';
import { longestIndexed } from './expressions.ts';
import { isOtherArticle } from './terms.ts';
import {
  backwards,
  errorsBetween,
  errorsHeard,
  forgiven,
  keysOf,
  nearnessHeard,
  saidAs,
  variants,
} from './typing-errors.ts';

/** Words that a mistyped one is taken for, at most. */
const mostCorrections = 4;
/** Words that a piece of several in one is looked for as. */
const mostNearPiece = 12;
/** Words with the same first letters, or sounds, that are compared with a mistyped one. */
const mostAlike = 3000;
/** Of the words within a few typing errors, those whose popularity is looked up. */
const mostNear = 40;
/** Words that a longer prefix is looked for as. */
const mostBegun = 40;

const asList = 'SELECT value FROM json_each(?)';

export class KnownWords {
  readonly #popularity;
  readonly #known;
  readonly #variants;
  readonly #wordsOfVariants;
  readonly #alike;
  readonly #alikeVariants;

  constructor({ $client: client }: Database) {
    this.#popularity = client
      .prepare<[string], number>('SELECT rowid FROM movie_names WHERE movie_names MATCH ? ORDER BY rowid LIMIT 1')
      .pluck();
    this.#known = client.prepare<[string], string>(`SELECT word FROM words WHERE word IN (${asList})`).pluck();
    this.#variants = client
      .prepare<[string, number], string>(`SELECT DISTINCT word FROM word_variants WHERE variant IN (${asList}) LIMIT ?`)
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
  }

  /** Those of some words that are known. */
  of(words: string[]): Set<string> {
    return words.length === 0 ? new Set() : new Set(this.#known.all(JSON.stringify(words)));
  }

  /** For each of some words those that are known and have one typing error at most, or also sound alike, the word itself first. */
  near(doubted: string[], heard = false): (word: string) => string[] {
    const keys = (word: string): string[] => [word, ...variants(word), ...(heard ? keysOf(word) : [])];
    const list = JSON.stringify([...new Set(doubted.flatMap(keys))]);
    const near = new Map<string, string[]>();
    const add = (variant: string, word: string): void => {
      const words = near.get(variant);
      if (words) words.push(word);
      else near.set(variant, [word]);
    };
    for (const word of this.#known.all(list)) add(word, word);
    for (const [variant, word] of this.#wordsOfVariants.all(list)) add(variant, word);
    return (word) => {
      const words = new Set(keys(word).flatMap((key) => near.get(key) ?? []));
      const isNear = (other: string): boolean =>
        errorsBetween(word, other, 1) <= 1 || (heard && nearnessHeard(word, other) > 0.8);
      return [...words].filter(isNear).slice(0, mostNearPiece);
    };
  }

  /** Words that begin as a mistyped one does, but for one of its first letters, and words that end so. */
  #alikeButOne(word: string, own: string[], most: number): Set<string> {
    const starts = new Set([...own.slice(0, 4).map((variant) => variant.slice(0, 3)), backwards(word).slice(0, 4)]);
    const near = [word.length - most, word.length + most, mostAlike] as const;
    return new Set([...starts].flatMap((start) => this.#alikeVariants.all(start, `${start}\u{10ffff}`, ...near)));
  }

  /** A word and those that it may begin; undefined where it is short enough for the index, or there are too many. */
  begun(text: string): string[] | undefined {
    if (text.length <= longestIndexed) return undefined;
    const longer = this.#alike.all(text, `${text}\u{10ffff}`, 0, Number.MAX_SAFE_INTEGER, mostBegun);
    return longer.length < mostBegun ? [text, ...longer] : undefined;
  }

  /**
   * Words within a few typing errors, nearest and then most popular first.
   * @param share of the words that may be looked at, 0 to 1
   * @param isText whether some text has the word: it is not looked for any further then
   */
  corrections(word: string, share: number, isText: (word: string) => boolean): string[] {
    const own = variants(word);
    if (own.length === 0) return [];
    const [list, withItself] = [JSON.stringify(own), JSON.stringify([word, ...own])];
    const looked = Math.ceil(share * mostAlike);
    const candidates = new Set([...this.#known.all(list), ...this.#variants.all(withItself, looked)]);
    const most = forgiven(word.length);
    if (most > 1) {
      const start = word.slice(0, 3);
      const [shortest, longest] = [word.length - most, word.length + most];
      const alike = this.#alike.all(start, `${start}\u{10ffff}`, shortest, longest, looked);
      for (const other of alike) candidates.add(other);
    }
    const heard = new Set(this.#variants.all(JSON.stringify(keysOf(word)), looked));
    // Longer words have few others within one error.
    const said = new Set(word.length < 6 ? this.#variants.all(JSON.stringify([saidAs(word)]), looked) : []);
    const within = (others: Set<string>) =>
      [...others]
        .filter((other) => other !== word && !isOtherArticle(word, other))
        .map((other) => ({
          other,
          errors: said.has(other) ? 0.75 : (heard.has(other) ? errorsHeard : errorsBetween)(word, other, most),
        }))
        .filter(({ errors }) => errors < most + 1);
    let found = within(new Set([...candidates, ...heard]));
    if (found.length === 0 && most > 1 && share === 1 && !isText(word))
      found = within(this.#alikeButOne(word, own, most));
    found.sort((a, b) => a.errors - b.errors);
    const errors = found[mostCorrections - 1]?.errors ?? most + 1;
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
