/** Which words of a title or name the terms of a search mean. Pure. */
import { isStopWord, type Term, weightOf } from './terms.ts';
import { nearness } from './typing-errors.ts';

export type Place = 'title' | 'alternativeTitles' | 'people' | 'year' | 'genres' | 'description';

/** Where a term was found, how surely (0 to 1), and what it was found as. */
export interface Hit {
  in: Place;
  quality: number;
  /** Weight of the words of the text that it takes; 0 where that is no title or name. */
  covers: number;
  /** The word, as the movie has it. */
  word: string;
  /** The title, name, year or genre that has it. */
  text: string;
}

/** Finds terms among the words of a text, no word twice: equal ones, then joined and parted ones, beginnings, typing errors. */
export function align(terms: Term[], words: Term[], place: Place, text: string): (Hit | undefined)[] {
  const hits: (Hit | undefined)[] = terms.map(() => undefined);
  const taken = words.map(() => false);
  const take = (at: number, from: number, count: number, quality: number): void => {
    const own = words.slice(from, from + count);
    taken.fill(true, from, from + count);
    const covers = quality * own.reduce((total, word) => total + weightOf(word), 0);
    hits[at] = {
      in: place,
      quality,
      word: own.map((word) => word.parts?.join(' ') ?? word.text).join(' '),
      text,
      covers,
    };
  };
  const isFree = (from: number, count: number): boolean => {
    for (let j = from; j < from + count; j++) if (taken[j] !== false) return false;
    return true;
  };
  terms.forEach((term, i) => {
    const at = words.findIndex((word, j) => !taken[j] && (word.key === term.key || word.text === term.text));
    if (at >= 0) take(i, at, 1, 1);
  });
  if (hits.every(Boolean)) return hits;
  joined(terms, words, hits, isFree, take);
  for (const [i, term] of terms.entries()) {
    if (hits[i]) continue;
    let found = { at: -1, quality: 0 };
    for (const [j, word] of words.entries()) {
      if (taken[j]) continue;
      const quality = likeness(term, word);
      if (quality > found.quality) found = { at: j, quality };
    }
    if (found.quality > 0) take(i, found.at, 1, found.quality);
  }
  return hits;
}

/** "starwars" for Star Wars, and "robo cop" for RoboCop. */
function joined(
  terms: Term[],
  words: Term[],
  hits: (Hit | undefined)[],
  isFree: (from: number, count: number) => boolean,
  take: (at: number, from: number, count: number, quality: number) => void,
): void {
  for (const [i, term] of terms.entries()) {
    if (hits[i] || term.text.length < 3) continue;
    let best: [from: number, count: number, quality: number] | undefined;
    for (let from = 0; from < words.length; from++) {
      let text = words[from]?.text as string;
      // As it is typed without articles: "guardiansgalaxy".
      let bare = text;
      for (let count = 2; from + count <= words.length && bare.length < term.text.length + 2; count++) {
        const word = words[from + count - 1] as Term;
        if (!isFree(from, count)) break;
        text += word.text;
        if (!isStopWord(word)) bare += word.text;
        const quality = Math.max(asJoined(term.text, text), bare === text ? 0 : 0.97 * asJoined(term.text, bare));
        if (quality > (best?.[2] ?? 0.6)) best = [from, count, quality];
      }
    }
    if (best) take(i, ...best);
  }
  const longest = Math.max(...words.map((word) => word.text.length));
  for (let i = 0; i + 1 < terms.length; i++) {
    if (hits[i] && hits[i + 1]) continue;
    let text = terms[i]?.text ?? '';
    for (let end = i + 2; end <= Math.min(terms.length, i + 4); end++) {
      text += terms[end - 1]?.text;
      // Further from any word than typing errors are.
      if (text.length > longest + 3) break;
      const at = words.findIndex(
        (word, j) => isFree(j, 1) && (word.text === text || nearness(word.text, text, 0.8) > 0.8),
      );
      if (at < 0) continue;
      const quality = words[at]?.text === text ? 0.97 : 0.8;
      take(i, at, 1, quality);
      for (let other = i + 1; other < end; other++) hits[other] = { ...(hits[i] as Hit), covers: 0 };
      break;
    }
  }
}

function asJoined(term: string, words: string): number {
  return words === term ? 0.97 : words.startsWith(term) ? 0.9 : 0.9 * nearness(term, words, 0.6);
}

/** How surely a term means a word that is not equal to it. */
function likeness(term: Term, word: Term): number {
  if (word.text.startsWith(term.text)) return 0.6 + (0.4 * term.text.length) / word.text.length;
  // "godfather 2nd" means the second part.
  if (word.key === `${term.key}th` || term.key === `${word.key}th`) return 0.8;
  // "thie" does not mean "the"; "teh" may.
  if (isStopWord(word) && word.text.length !== term.text.length) return 0;
  return nearness(term.text, word.text);
}
