/** What a search asks for: its terms with what each may stand for beside a word. Pure. */

import { fold } from '../fold.ts';
import { articleWeight, type Term, termsOf, weightOf } from './terms.ts';
import { errorsBetween } from './typing-errors.ts';

/** Terms of the longest titles; what is typed behind them is left out. */
const mostTerms = 12;

export interface AskedTerm extends Term {
  weight: number;
  /** The years that it may wish for, first and last. */
  years?: [number, number];
  /** The genres that it may wish for, as `genreKey` has them. */
  genres: string[];
}

export interface Asked {
  /** The search as a title: folded, without blanks at its ends. */
  title: string;
  terms: AskedTerm[];
}

/** A genre without case, accents and signs: "Sci-Fi" → "scifi". */
export function genreKey(genre: string): string {
  return fold(genre).replace(/[^\p{L}\p{N}]/gu, '');
}

const synonyms = new Map<string, string[]>(
  Object.entries({
    animated: 'animation',
    anime: 'animation',
    biographies: 'biography',
    biopic: 'biography',
    cartoon: 'animation',
    comedies: 'comedy',
    documentaries: 'documentary',
    funny: 'comedy',
    historical: 'history',
    mysteries: 'mystery',
    romantic: 'romance',
    romcom: 'romance comedy',
    scary: 'horror',
    sciencefiction: 'scifi',
    sf: 'scifi',
    sports: 'sport',
  }).map(([word, genres]) => [word, genres.split(' ')]),
);
const pairs = new Set(['science fiction', 'sci fi', 'film noir', 'rom com']);

/** A word with its number behind it: "godfather2". */
const numbered = /^(.*\p{L}{3})(\d{1,4})$/u;

/**
 * Reads a search.
 * @param begins whether a word of the catalogue is this or begins so: "thx1138" is no "thx 1138" then
 */
export function understand(text: string, begins: (word: string) => boolean = () => false): Asked {
  const words = termsOf(text).slice(0, 2 * mostTerms);
  const parted = words.flatMap((term) => {
    const [, word, number] = numbered.exec(term.text) ?? [];
    return word === undefined || begins(term.text) ? [term] : termsOf(`${word} ${number}`);
  });
  const terms = pairedWords(parted).slice(0, mostTerms).map(asked);
  for (const [place, term] of terms.entries()) {
    // "Thelma et Louise" says "and"; "et" alone, first or last is the film.
    const isAnd = term.text === 'et' && place > 0 && place < terms.length - 1;
    // "thae" is nearly "the" and begins no word.
    if (isAnd || (errorsBetween(term.text, 'the', 1) < 2 && !begins(term.text))) term.weight = articleWeight;
  }
  return { title: fold(text).trim(), terms };
}

/** "sci fi" is one word to genres, two to titles. */
function pairedWords(terms: Term[]): Term[] {
  const found: Term[] = [];
  for (let i = 0; i < terms.length; i++) {
    const [one, two] = [terms[i] as Term, terms[i + 1]];
    if (two && pairs.has(`${one.text} ${two.text}`)) {
      const text = one.text + two.text;
      found.push({ text, key: text, parts: [one.text, two.text] });
      i++;
    } else found.push(one);
  }
  return found;
}

function asked(term: Term): AskedTerm {
  const { text } = term;
  const genres = synonyms.get(text) ?? (text.length > 3 && text.endsWith('s') ? [text, text.slice(0, -1)] : [text]);
  const years = yearsOf(text);
  return { ...term, weight: weightOf(term), genres, ...(years ? { years } : {}) };
}

/** "1994" → 1994; "1990s" and "90s" → 1990 to 1999. */
function yearsOf(text: string): [number, number] | undefined {
  const decade = /^(?:(18|19|20))?(\d)0s$/.exec(text);
  if (decade) {
    const century = decade[1] ?? (Number(decade[2]) < 3 ? '20' : '19');
    const from = Number(`${century}${decade[2]}0`);
    return [from, from + 9];
  }
  if (!/^(18[7-9]|19\d|20\d|21\d)\d$/.test(text)) return undefined;
  return [Number(text), Number(text)];
}
