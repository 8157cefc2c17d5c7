/** The words of titles, names and searches, in the form that they are compared by. Pure. */
import { fold } from '../fold.ts';
import { numberAt, numeralKey } from './numerals.ts';
import { spellingKey } from './spelling.ts';

export interface Term {
  /** As it is written, folded, without blanks: "two thousand one" → "twothousandone". */
  text: string;
  /** What it is compared by: numerals as digits, one spelling. */
  key: string;
  /** Its words, where it has several. */
  parts?: string[];
}

const ascii = /^[\x20-\x7e]*$/;
/** Single letters with signs between them, "E.T." or "M*A*S*H", are one word. */
const initials = /(?<![\p{L}\p{N}])(?:\p{L}[.·*]\s?)+\p{L}(?![\p{L}\p{N}])/gu;

/** The words of a text, folded: "L.A.'s 8½ & Co." → la, s... An emoji is a word. */
export function splitWords(text: string): string[] {
  let plain = text;
  const simple = ascii.test(text);
  // NFKD would join the number before it: 8½ → 81⁄2.
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

/** The key of one word: what `termsOf` would give it alone. */
export function keyOf(word: string): string {
  return numeralKey(word) ?? numberAt([word], 0)?.value.toString() ?? spellingKey(word);
}

/** A word of a description as one or several: "dinosaur" ↔ "dinosaurs". */
export function otherNumber(word: string): string {
  return word.endsWith('s') ? word.slice(0, -1) : `${word}s`;
}

/** The terms of a text: "The Godfather Part II" → the, godfather, part, 2. */
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

/** All words that stand for a text in an index: those written, and the keys of those that have another. */
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

/** Whether it is an article or the like. */
export function isStopWord({ text }: Term): boolean {
  return stopWords.has(text);
}

/** "thie" does not mean "the"; "teh" may, and "abot" means "about". */
export function isOtherArticle(typed: string, text: string): boolean {
  return text.length < 4 && text.length !== typed.length && stopWords.has(text);
}

export const articleWeight = 0.15;

/** How much a term says, 0 to 1: articles little, what people add to any search next to nothing. */
export function weightOf({ text, key }: Term): number {
  if (noiseWords.has(text)) return 0.05;
  if (stopWords.has(text)) return articleWeight;
  // The first of several has no number as a rule.
  return key === '1' ? 0.3 : /^\d$/.test(key) ? 0.6 : 1;
}
