/** Looks up the words of the catalogue: known ones, and ones similar to a mistyped word. */
import type { Database } from '../../../shared/views/database.ts';
import { longestIndexed } from './expressions.ts';
import { isOtherArticle } from './terms.ts';
import {
  allowedErrors,
  backwards,
  errorsBetween,
  errorsBySound,
  nearnessBySound,
  pronunciationKey,
  soundKeys,
  variants,
} from './typing-errors.ts';

/** Most corrections of a mistyped word. */
const maxCorrections = 4;
/** Most words that a part of a split word is replaced by. */
const maxNear = 12;
/** Most words with the same first letters or sounds that are compared with a mistyped one. */
const maxCompared = 3000;
/** Most words within a few typing errors whose popularity is looked up. */
const maxRanked = 40;
/** Most words that replace a long prefix. */
const maxBegun = 40;

const asList = 'SELECT value FROM json_each(?)';

export class KnownWords {
  readonly #popularity;
  readonly #known;
  readonly #withVariant;
  readonly #variantPairs;
  readonly #inRange;
  readonly #withVariantInRange;

  constructor({ $client: client }: Database) {
    this.#popularity = client
      .prepare<[string], number>('SELECT rowid FROM movie_names WHERE movie_names MATCH ? ORDER BY rowid LIMIT 1')
      .pluck();
    this.#known = client.prepare<[string], string>(`SELECT word FROM words WHERE word IN (${asList})`).pluck();
    this.#withVariant = client
      .prepare<[string, number], string>(`SELECT DISTINCT word FROM word_variants WHERE variant IN (${asList}) LIMIT ?`)
      .pluck();
    this.#variantPairs = client
      .prepare<[string], [string, string]>(`SELECT variant, word FROM word_variants WHERE variant IN (${asList})`)
      .raw();
    this.#inRange = client
      .prepare<[string, string, number, number, number], string>(
        'SELECT word FROM words WHERE word > ? AND word < ? AND length(word) BETWEEN ? AND ? LIMIT ?',
      )
      .pluck();
    this.#withVariantInRange = client
      .prepare<[string, string, number, number, number], string>(
        'SELECT word FROM word_variants WHERE variant > ? AND variant < ? AND length(word) BETWEEN ? AND ? LIMIT ?',
      )
      .pluck();
  }

  /** Returns the given words that are known. */
  of(words: string[]): Set<string> {
    return words.length === 0 ? new Set() : new Set(this.#known.all(JSON.stringify(words)));
  }

  /**
   * Looks up known words with one typing error at most, or with `bySound` also similar sounds, for many words at once.
   * @returns a function from one of the given words to its similar words, the word itself first if it is known
   */
  near(doubted: string[], bySound = false): (word: string) => string[] {
    const keys = (word: string): string[] => [word, ...variants(word), ...(bySound ? soundKeys(word) : [])];
    const list = JSON.stringify([...new Set(doubted.flatMap(keys))]);
    const near = new Map<string, string[]>();
    const add = (variant: string, word: string): void => {
      const words = near.get(variant);
      if (words) words.push(word);
      else near.set(variant, [word]);
    };
    for (const word of this.#known.all(list)) add(word, word);
    for (const [variant, word] of this.#variantPairs.all(list)) add(variant, word);
    return (word) => {
      const words = new Set(keys(word).flatMap((key) => near.get(key) ?? []));
      const isNear = (other: string): boolean =>
        errorsBetween(word, other, 1) <= 1 || (bySound && nearnessBySound(word, other) > 0.8);
      return [...words].filter(isNear).slice(0, maxNear);
    };
  }

  /** Returns words of a similar length with the same beginning except for one letter, or with the same ending. */
  #withSameEdge(word: string, own: string[], maxErrors: number): Set<string> {
    const starts = new Set([...own.slice(0, 4).map((variant) => variant.slice(0, 3)), backwards(word).slice(0, 4)]);
    const near = [word.length - maxErrors, word.length + maxErrors, maxCompared] as const;
    return new Set([...starts].flatMap((start) => this.#withVariantInRange.all(start, `${start}\u{10ffff}`, ...near)));
  }

  /** Returns a text and the words that start with it; undefined if its prefix is indexed, or they are too many. */
  begun(text: string): string[] | undefined {
    if (text.length <= longestIndexed) return undefined;
    const longer = this.#inRange.all(text, `${text}\u{10ffff}`, 0, Number.MAX_SAFE_INTEGER, maxBegun);
    return longer.length < maxBegun ? [text, ...longer] : undefined;
  }

  /**
   * Returns words within a few typing errors, most similar and then most popular first.
   * @param share share of the maximum number of words that may be compared, from 0 to 1
   * @param isText whether any text has the word; such a word is searched less thoroughly
   */
  corrections(word: string, share: number, isText: (word: string) => boolean): string[] {
    const own = variants(word);
    if (own.length === 0) return [];
    const [list, withItself] = [JSON.stringify(own), JSON.stringify([word, ...own])];
    const limit = Math.ceil(share * maxCompared);
    const candidates = new Set([...this.#known.all(list), ...this.#withVariant.all(withItself, limit)]);
    const maxErrors = allowedErrors(word.length);
    if (maxErrors > 1) {
      const start = word.slice(0, 3);
      const [shortest, longest] = [word.length - maxErrors, word.length + maxErrors];
      const sameStart = this.#inRange.all(start, `${start}\u{10ffff}`, shortest, longest, limit);
      for (const other of sameStart) candidates.add(other);
    }
    const sameSounds = new Set(this.#withVariant.all(JSON.stringify(soundKeys(word)), limit));
    // Short words only: longer ones have few others within one error.
    const homophones = new Set(
      word.length < 6 ? this.#withVariant.all(JSON.stringify([pronunciationKey(word)]), limit) : [],
    );
    const within = (others: Set<string>) =>
      [...others]
        .filter((other) => other !== word && !isOtherArticle(word, other))
        .map((other) => ({
          other,
          errors: homophones.has(other)
            ? 0.75
            : (sameSounds.has(other) ? errorsBySound : errorsBetween)(word, other, maxErrors),
        }))
        .filter(({ errors }) => errors < maxErrors + 1);
    let found = within(new Set([...candidates, ...sameSounds]));
    if (found.length === 0 && maxErrors > 1 && share === 1 && !isText(word))
      found = within(this.#withSameEdge(word, own, maxErrors));
    found.sort((a, b) => a.errors - b.errors);
    const errors = found[maxCorrections - 1]?.errors ?? maxErrors + 1;
    const near = found
      .filter((one) => one.errors <= errors)
      .slice(0, Math.ceil(share * maxRanked))
      .map((one) => ({ ...one, popularity: this.#popularity.get(`"${one.other}"`) ?? Number.MAX_SAFE_INTEGER }));
    return near
      .sort((a, b) => a.errors - b.errors || a.popularity - b.popularity)
      .slice(0, maxCorrections)
      .map(({ other }) => other);
  }
}
