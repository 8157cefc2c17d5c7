/** Compares words that may be mistyped. Pure. */

import { pronunciation, soundAlike, soundsOf } from './sound.ts';

/** Letters of the longest word that is treated as mistyped, and of the longest title typed as one word. */
const [maxLetters, maxJoinedLetters] = [30, 60];

/** Leaves out each letter in turn. Words one typing error apart share a variant, or one is a variant of the other. */
export function variants(word: string): string[] {
  if (word.length < 3 || word.length > maxLetters || isNumber(word)) return [];
  const found = new Set<string>();
  for (let i = 0; i < word.length; i++) found.add(word.slice(0, i) + word.slice(i + 1));
  return [...found];
}

/** Returns the key that a word shares with all words of the same pronunciation, including vowels. */
export function pronunciationKey(word: string): string {
  return `=${pronunciation(word)}`;
}

/** Returns the keys that a word shares with words of the same sounds, or with the same letters in another order. */
export function soundKeys(word: string): string[] {
  const sounds = soundsOf(word);
  return sounds === '' ? [] : [sounds, pronunciationKey(word), `^${[...word].sort().join('')}`];
}

/** Returns a word backwards, after a prefix that no word has. Words with the same ending are adjacent in the table. */
export function backwards(word: string): string {
  return `$${[...word].reverse().join('')}`;
}

/** Returns everything that is stored for a word so that mistyped forms find it. */
export function traces(word: string): string[] {
  const own = variants(word);
  return own.length === 0 ? [] : [...own, ...soundKeys(word), backwards(word)];
}

/** Rows of the table in `errorsBetween`, reused because one search calls it thousands of times. */
const rows = [new Uint8Array(64), new Uint8Array(64), new Uint8Array(64)];

/**
 * Counts the typing errors between two words of up to 60 letters: missing, extra, wrong and swapped letters (optimal
 * string alignment distance). @returns a number greater than `max` if there are more than `max` errors
 */
export function errorsBetween(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) > max || differentLetters(a, b) > 2 * max) return max + 1;
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
    if (least > max) return max + 1;
    [before, last, row] = [last, row, before];
  }
  return last[b.length] as number;
}

/** Returns how many errors a word of a length may have. */
export function allowedErrors(length: number): number {
  return length < 3 ? 0 : length < 6 ? 1 : length < 10 ? 2 : 3;
}

/**
 * Counts the errors between words of the same sounds. Each after the first counts half, and a quarter is added to two
 * or more, because a single error is likelier. @returns more than `max` if more than half of the letters differ
 */
export function errorsBySound(a: string, b: string, max: number): number {
  const half = Math.floor(Math.max(a.length, b.length) / 2);
  const errors = errorsBetween(a, b, half);
  return errors > half ? max + 1 : errors < 2 ? errors : (2 * errors + 3) / 4;
}

/** Returns how similar two words are, from 0 to 1; 0 if they are too different, or less similar than `least`. */
export function nearness(a: string, b: string, least = 0): number {
  const length = Math.max(a.length, b.length);
  if (length < 3 || length > maxJoinedLetters || isNumber(a) || isNumber(b)) return 0;
  const max = Math.min(length < 4 ? 1 : length < 7 ? 2 : length < 11 ? 3 : 4, Math.floor(((1 - least) * length) / 1.3));
  if (Math.abs(a.length - b.length) > max) return 0;
  return nearnessOf(errorsBetween(a, b, max), max, length);
}

/** Returns how similar two words of the same sounds are, from 0 to 1; 0 if their sounds differ. */
export function nearnessBySound(a: string, b: string): number {
  const length = Math.max(a.length, b.length);
  if (length < 3 || length > maxLetters || 2 * Math.min(a.length, b.length) < length) return 0;
  if (isNumber(a) || isNumber(b) || !soundAlike(a, b)) return 0;
  // Too many words have the same two sounds, and the consonants of short words alone say too little.
  const sounds = pronunciation(a);
  if (sounds === pronunciation(b) && (sounds.length > 2 || length < 4)) return nearnessOf(1, 3, length);
  return length < 5 ? 0 : nearnessOf(errorsBySound(a, b, 3), 3, length);
}

function nearnessOf(errors: number, max: number, length: number): number {
  return errors > max || errors * 2 > length ? 0 : 1 - (1.3 * errors) / length;
}

/** Counts letters that only one of two words has. A typing error causes two at most, which rules out most pairs. */
function differentLetters(a: string, b: string): number {
  let bits = lettersOf(a) ^ lettersOf(b);
  let count = 0;
  for (; bits !== 0; count++) bits &= bits - 1;
  return count;
}

/** Returns a bit for each letter of a word. Letters of other scripts share the bits. */
function lettersOf(word: string): number {
  let bits = 0;
  for (let i = 0; i < word.length; i++) bits |= 1 << (word.charCodeAt(i) & 31);
  return bits;
}

function isNumber(word: string): boolean {
  const first = word.charCodeAt(0);
  return first >= 48 && first <= 57 && /^\d+$/.test(word);
}
