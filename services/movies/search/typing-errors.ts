/** Words with typing errors. Pure. */

import { soundAlike, soundsOf, spoken } from './sound.ts';

/** Letters of the longest word that is taken for a mistyped one, and of the longest title in one word. */
const [longest, longestJoined] = [30, 60];

/** A word with each of its letters left out: two words within one typing error share a variant or are one themselves. */
export function variants(word: string): string[] {
  if (word.length < 3 || word.length > longest || isNumber(word)) return [];
  const found = new Set<string>();
  for (let i = 0; i < word.length; i++) found.add(word.slice(0, i) + word.slice(i + 1));
  return [...found];
}

/** What a word shares with those that are said as it is, with all vowels. */
export function saidAs(word: string): string {
  return `=${spoken(word)}`;
}

/** What a word shares with those that sound as it does, and with those that have its letters in another order. */
export function keysOf(word: string): string[] {
  const sounds = soundsOf(word);
  return sounds === '' ? [] : [sounds, saidAs(word), `^${[...word].sort().join('')}`];
}

/** The last letters of a word first, marked as what is no word: those that end alike are next to each other. */
export function backwards(word: string): string {
  return `$${[...word].reverse().join('')}`;
}

/** All that is kept of a word, so that mistyped ones find it. */
export function traces(word: string): string[] {
  const own = variants(word);
  return own.length === 0 ? [] : [...own, ...keysOf(word), backwards(word)];
}

/** Rows of the table below, kept: it is made thousands of times for one search. */
const rows = [new Uint8Array(64), new Uint8Array(64), new Uint8Array(64)];

/**
 * Typing errors between two words of up to 60 letters: those that are missing, too many, others, or in the wrong order.
 * @returns more than `most` where there are more
 */
export function errorsBetween(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most || differentLetters(a, b) > 2 * most) return most + 1;
  let [before, last, row] = rows as [Uint8Array, Uint8Array, Uint8Array];
  for (let j = 0; j <= b.length; j++) last[j] = j;
  for (let i = 1; i <= a.length; i++) {
    row[0] = i;
    let least = i;
    const letter = a.charCodeAt(i - 1);
    for (let j = 1; j <= b.length; j++) {
      const other = b.charCodeAt(j - 1);
      let errors = (last[j - 1] as number) + (letter === other ? 0 : 1);
      errors = Math.min(errors, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && letter === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === other) {
        errors = Math.min(errors, (before[j - 2] as number) + 1);
      }
      row[j] = errors;
      if (errors < least) least = errors;
    }
    if (least > most) return most + 1;
    [before, last, row] = [last, row, before];
  }
  return last[b.length] as number;
}

/** Most errors that a word of that length is forgiven. */
export function forgiven(length: number): number {
  return length < 3 ? 0 : length < 6 ? 1 : length < 10 ? 2 : 3;
}

/**
 * Errors between words that sound alike: each but the first counts half, and a quarter more, for one error is likelier. More
 * than `most` where half of the letters differ.
 */
export function errorsHeard(a: string, b: string, most: number): number {
  const half = Math.floor(Math.max(a.length, b.length) / 2);
  const errors = errorsBetween(a, b, half);
  return errors > half ? most + 1 : errors < 2 ? errors : (2 * errors + 3) / 4;
}

/** How near two words are, 0 to 1: 0 where one can hardly be meant by the other, or they are less near than `least`. */
export function nearness(a: string, b: string, least = 0): number {
  const length = Math.max(a.length, b.length);
  if (length < 3 || length > longestJoined || isNumber(a) || isNumber(b)) return 0;
  const most = Math.min(
    length < 4 ? 1 : length < 7 ? 2 : length < 11 ? 3 : 4,
    Math.floor(((1 - least) * length) / 1.3),
  );
  if (Math.abs(a.length - b.length) > most) return 0;
  return nearnessOf(errorsBetween(a, b, most), most, length);
}

/** The same by the sound of two words: 0 where they do not sound alike. */
export function nearnessHeard(a: string, b: string): number {
  const length = Math.max(a.length, b.length);
  if (length < 3 || length > longest || 2 * Math.min(a.length, b.length) < length) return 0;
  if (isNumber(a) || isNumber(b) || !soundAlike(a, b)) return 0;
  // Of what is said in two sounds there is too much, and the consonants of short words say too little.
  const sounds = spoken(a);
  if (sounds === spoken(b) && (sounds.length > 2 || length < 4)) return nearnessOf(1, 3, length);
  return length < 5 ? 0 : nearnessOf(errorsHeard(a, b, 3), 3, length);
}

function nearnessOf(errors: number, most: number, length: number): number {
  return errors > most || errors * 2 > length ? 0 : 1 - (1.3 * errors) / length;
}

/** Letters that only one of two words has, at most: each typing error makes two. Most pairs need no closer look. */
function differentLetters(a: string, b: string): number {
  let bits = lettersOf(a) ^ lettersOf(b);
  let count = 0;
  for (; bits !== 0; count++) bits &= bits - 1;
  return count;
}

/** A bit for each letter of a word; letters of other scripts share them. */
function lettersOf(word: string): number {
  let bits = 0;
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) & 31);
  return bits;
}

function isNumber(word: string): boolean {
  const first = word.charCodeAt(0);
  return first >= 48 && first <= 57 && /^\d+$/.test(word);
}
