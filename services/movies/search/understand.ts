/** Reads a search: its terms, with the years and genres that they may mean. Pure. */
import { fold } from '../fold.ts';
import { articleWeight, type Term, termsOf, weightOf } from './terms.ts';
import { errorsBetween } from './typing-errors.ts';

/** As many terms as the longest titles have. Further ones are ignored. */
const maxTerms = 12;

export interface AskedTerm extends Term {
  weight: number;
  /** First and last of the years that it may ask for. */
  years?: [number, number];
  /** Keys (`genreKey`) of the genres that it may ask for. */
  genres: string[];
}

export interface Asked {
  /** The search as a title: folded and trimmed. */
  title: string;
  terms: AskedTerm[];
}

/** Returns a genre without case, accents and punctuation: "Sci-Fi" → "scifi". */
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

/** A word directly followed by a number: "godfather2". */
const numbered = /^(.*\p{L}{3})(\d{1,4})$/u;

/** Reads a search. @param begins whether a word of the catalogue starts with a text: "thx1138" is then not split */
export function understand(text: string, begins: (word: string) => boolean = () => false): Asked {
  const words = termsOf(text).slice(0, 2 * maxTerms);
  const split = words.flatMap((term) => {
    const [, word, number] = numbered.exec(term.text) ?? [];
    return word === undefined || begins(term.text) ? [term] : termsOf(`${word} ${number}`);
  });
  const terms = pairedWords(split).slice(0, maxTerms).map(asked);
  for (const [place, term] of terms.entries()) {
    // Between two words "et" means "and" ("Thelma et Louise"). Alone, first or last it is the film "E.T.".
    const isAnd = term.text === 'et' && place > 0 && place < terms.length - 1;
    // "thae" is an article: it has one error from "the", and no word of the catalogue starts with it.
    if (isAnd || (errorsBetween(term.text, 'the', 1) < 2 && !begins(term.text))) term.weight = articleWeight;
  }
  return { title: fold(text).trim(), terms };
}

/** Joins word pairs such as "sci fi", which are one word as a genre. In titles they still match as two words. */
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

/** Returns the first and last year that a text means: "1994" → 1994; "1990s" and "90s" → 1990 to 1999. */
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
