/** Finds the words of a title or name that the terms of a search mean. Pure. */
import { isOtherArticle, isStopWord, type Term, weightOf } from './terms.ts';
import { nearness, nearnessBySound } from './typing-errors.ts';

export type Place = 'title' | 'alternativeTitles' | 'people' | 'year' | 'genres' | 'description';

/** The match of one term. */
export interface Hit {
  in: Place;
  /** How certain the match is, from 0 to 1. */
  quality: number;
  /** Weight of the matching words of a title or name; 0 elsewhere. */
  covers: number;
  /** The matching word as the movie has it. */
  word: string;
  /** The title, name, year or genre that contains the word. */
  text: string;
}

/** Letters of stop words that may have been left out of a joined word. */
const maxArticleLetters = 14;

/** Matches terms with words of a text, none twice: equal, joined and split ones, then beginnings and typing errors. */
export function align(terms: Term[], words: Term[], place: Place, text: string): (Hit | undefined)[] {
  const hits: (Hit | undefined)[] = new Array(terms.length).fill(undefined);
  const taken: boolean[] = new Array(words.length).fill(false);
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
  // Plain loops for speed: this runs for every name of every candidate, and most names have no match.
  let left = terms.length;
  for (let i = 0; i < terms.length; i++) {
    const { key, text } = terms[i] as Term;
    for (let j = 0; j < words.length; j++) {
      const word = words[j] as Term;
      if (taken[j] || (word.key !== key && word.text !== text)) continue;
      take(i, j, 1, 1);
      left--;
      break;
    }
  }
  if (left === 0) return hits;
  joined(terms, words, hits, taken, take);
  for (let i = 0; i < terms.length; i++) {
    if (hits[i]) continue;
    let [at, quality] = [-1, 0];
    for (let j = 0; j < words.length; j++) {
      if (taken[j]) continue;
      const near = likeness(terms[i] as Term, words[j] as Term);
      if (near > quality) [at, quality] = [j, near];
    }
    if (quality > 0) take(i, at, 1, quality);
  }
  return hits;
}

/** Matches joined and split words: "starwars" with Star Wars, and "robo cop" with RoboCop. */
function joined(
  terms: Term[],
  words: Term[],
  hits: (Hit | undefined)[],
  taken: boolean[],
  take: (at: number, from: number, count: number, quality: number) => void,
): void {
  for (let i = 0; i < terms.length && words.length > 1; i++) {
    const term = terms[i] as Term;
    if (hits[i] || term.text.length < 3) continue;
    let best: [from: number, count: number, quality: number] | undefined;
    for (let from = 0; from < words.length; from++) {
      let text = words[from]?.text as string;
      // A term not longer than the first word is not several words: "scarlet" starts "scarlett".
      if (term.text.length <= text.length) continue;
      // The words without articles, as in "guardiansgalaxy".
      let bare = text;
      const max = term.text.length + 2;
      const isShort = (): boolean => bare.length < max && text.length < max + maxArticleLetters;
      for (let count = 2; from + count <= words.length && isShort(); count++) {
        const word = words[from + count - 1] as Term;
        if (taken[from] || taken[from + count - 1]) break;
        text += word.text;
        if (!isStopWord(word)) bare += word.text;
        // Four missing letters are too many errors for any word.
        if (text.length + 3 < term.text.length) continue;
        // A trailing article is not part of a joined word: "guardins" is not "guardians of".
        const asBare = bare === text || isStopWord(word) ? 0 : 0.97 * asJoined(term.text, bare);
        const quality = Math.max(asJoined(term.text, text), asBare);
        if (quality > (best?.[2] ?? 0.55)) best = [from, count, quality];
      }
    }
    if (best) take(i, ...best);
  }
  let longest = 0;
  for (const word of words) longest = Math.max(longest, word.text.length);
  for (let i = 0; i + 1 < terms.length; i++) {
    if (hits[i] && hits[i + 1]) continue;
    let text = terms[i]?.text ?? '';
    for (let end = i + 2; end <= Math.min(terms.length, i + 4); end++) {
      const next = terms[end - 1]?.text ?? '';
      // Longer than any word of the text with typing errors.
      if (text.length + next.length > longest + 3) break;
      text += next;
      const at = words.findIndex(
        (word, j) =>
          !taken[j] &&
          (word.text === text || Math.max(nearness(word.text, text, 0.8), nearnessBySound(word.text, text)) > 0.8),
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
  const near = (): number => Math.max(nearness(term, words, 0.67), nearnessBySound(term, words));
  return words === term ? 0.97 : words.startsWith(term) ? 0.9 : 0.9 * near();
}

/** Returns how certainly a term means a word that is not equal to it, from 0 to 1. */
function likeness(term: Term, word: Term): number {
  if (word.text.startsWith(term.text)) return 0.6 + (0.4 * term.text.length) / word.text.length;
  // "godfather 2nd" means the second part.
  if (isOrdinalOf(word.key, term.key) || isOrdinalOf(term.key, word.key)) return 0.8;
  const near = Math.max(nearness(term.text, word.text), nearnessBySound(term.text, word.text));
  return near > 0 && isOtherArticle(term.text, word.text) ? 0 : near;
}

function isOrdinalOf(ordinal: string, number: string): boolean {
  return ordinal.length === number.length + 2 && ordinal.endsWith('th') && ordinal.startsWith(number);
}
