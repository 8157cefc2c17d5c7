/** Splits titles, names and searches into terms that can be compared. Pure. */
import { fold } from '../fold.ts';
import { numberAt, numeralKey } from './numerals.ts';
import { spellingKey } from './spelling.ts';

export interface Term {
  /** The term as written, folded and without blanks: "two thousand one" → "twothousandone". */
  text: string;
  /** The form that is compared: numerals as digits, and one of several spellings. */
  key: string;
  /** The words of a term that has several. */
  parts?: string[];
}

const ascii = /^[\x20-\x7e]*$/;
/** Single letters with punctuation between them, such as "E.T." or "M*A*S*H". They are one word. */
const initials = /(?<![\p{L}\p{N}])(?:\p{L}[.·*]\s?)+\p{L}(?![\p{L}\p{N}])/gu;

/** Splits a text into folded words. An emoji is a word: "E.T. & co 😀" → et, and, co, 😀. */
export function splitWords(text: string): string[] {
  let plain = text;
  const simple = ascii.test(text);
  // Fractions are separated first, because NFKD would join them to the number before them: 8½ → 81⁄2.
  if (!simple) plain = plain.replace(/[¼-¾⅐-⅞]/g, ' $& ').replace(/[‘’ʼ´`]/g, '');
  plain = fold(plain);
  if (plain.includes("'")) plain = plain.replaceAll("'", '');
  if (plain.includes('&')) plain = plain.replaceAll('&', ' and ');
  if (plain.includes('+')) plain = plain.replace(/ \+ /g, ' and ');
  if (/[.·*]/.test(plain)) plain = plain.replace(initials, (found) => found.replace(/[.·*\s]/g, ''));
  if (/\d[.,]5/.test(plain)) plain = plain.replace(/(\d)[.,]5\b/g, '$1 1 2');
  if (plain.includes('half')) plain = plain.replace(/\band a half\b/g, ' 1 2');
  return plain.match(simple ? /[a-z0-9]+/g : /[\p{L}\p{N}]+|\p{Extended_Pictographic}/gu) ?? [];
}

/** Returns the key of a single word, as `termsOf` does. */
export function keyOf(word: string): string {
  return numeralKey(word) ?? numberAt([word], 0)?.value.toString() ?? spellingKey(word);
}

/** Returns the plural of a singular and the other way round: "dinosaur" ↔ "dinosaurs". */
export function otherNumber(word: string): string {
  return word.endsWith('s') ? word.slice(0, -1) : `${word}s`;
}

/** Splits a text into terms: "The Godfather Part II" → the, godfather, part, 2. */
export function termsOf(text: string): Term[] {
  const words = splitWords(text);
  const terms: Term[] = [];
  for (let at = 0; at < words.length; ) {
    const number = numberAt(words, at);
    const length = number?.length ?? 1;
    const key = number ? String(number.value) : keyOf(words[at] as string);
    if (length === 1) terms.push({ text: words[at] as string, key });
    else {
      const parts = words.slice(at, at + length);
      terms.push({ text: parts.join(''), key, parts });
    }
    at += length;
  }
  return terms;
}

/** Returns the words under which a text is indexed: the written words, and their keys where those differ. */
export function indexWords(text: string): string[] {
  const found: string[] = [];
  for (const { text: word, key, parts } of termsOf(text)) {
    if (parts) found.push(...parts);
    else found.push(word);
    if (key !== word) found.push(key);
  }
  return found;
}

const stopWords = new Set(
  'the a an of and in to at on for with by from is it its le la les de des du der das el los las un une il lo y s t l about who what where that te th teh hte'.split(
    ' ',
  ),
);
const noiseWords = new Set(
  'movie movies film films dvd trailer online watch download streaming title imdb full hd starring directed'.split(' '),
);

/** Whether a term is an article, a preposition or another word that says little. */
export function isStopWord({ text }: Term): boolean {
  return stopWords.has(text);
}

/** Whether `typed` cannot mean the stop word `text`: "thie" is not "the", but "teh" may be, and "abot" "about". */
export function isOtherArticle(typed: string, text: string): boolean {
  return text.length < 4 && text.length !== typed.length && stopWords.has(text);
}

export const articleWeight = 0.15;

/** Returns how much a term says, from 0 to 1. Stop words say little, words such as "movie" next to nothing. */
export function weightOf({ text, key }: Term): number {
  if (noiseWords.has(text)) return 0.05;
  if (stopWords.has(text)) return articleWeight;
  // The first film of a series usually has no number in its title.
  return key === '1' ? 0.3 : /^\d$/.test(key) ? 0.6 : 1;
}
