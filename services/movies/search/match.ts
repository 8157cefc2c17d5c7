/** Grades how well a movie fits a search. Pure. */
import { align, type Hit, type Place } from './alignment.ts';
import { isStopWord, otherNumber, splitWords, type Term, termsOf, weightOf } from './terms.ts';
import { type Asked, type AskedTerm, genreKey } from './understand.ts';

/** The parts of a movie that are searched. */
export interface Searched {
  title: string;
  alternativeTitles: string[];
  director: string;
  actors: string[];
  description: string;
  year: number | null;
  genres: string[];
  votes: number | null;
}

export interface Match {
  /** 0 to about 1.3: the fit, how much of the title was asked for, and a little for completeness and popularity. */
  score: number;
  /** Share of the search that was found, from 0 to 1. */
  fit: number;
  /** The hit of each term of the search. */
  hits: (Hit | undefined)[];
}

/** Minimum quality of a hit that has all of what was typed, or nearly all. */
export const sure = 0.85;

/** Value of a hit in a place, relative to one in the title. */
const factor: Record<Place, number> = {
  title: 1,
  alternativeTitles: 0.97,
  people: 0.9,
  year: 0.85,
  genres: 0.75,
  description: 0.55,
};

/** Grades a movie. */
export function match(asked: Asked, movie: Searched): Match {
  const { terms } = asked;
  const all: (Hit | undefined)[][] = [];
  let best: { hits: (Hit | undefined)[]; coverage: number; value: number } | undefined;
  for (const title of [movie.title, ...movie.alternativeTitles]) {
    const place = title === movie.title ? 'title' : 'alternativeTitles';
    const words = termsOf(title);
    const hits = align(terms, words, place, title);
    all.push(hits);
    const coverage = coverageOf(words, hits);
    const value = sum(terms, hits) * (1 + 0.3 * coverage);
    if (!best || value > best.value) best = { hits, coverage, value };
  }
  const { hits, coverage } = best as NonNullable<typeof best>;
  const { found: inNames, hasFullName } = people(terms, hits, movie);
  terms.forEach((term, i) => {
    if ((hits[i]?.quality ?? 0) >= sure) return;
    // A search may have words of several titles of a movie: "lotr return".
    for (const { [i]: hit } of all) better(hits, i, hit && { ...hit, covers: 0 });
    for (const hit of [inNames[i], yearHit(term, movie), genreHit(term, movie)]) better(hits, i, hit);
  });
  if (hits.some((hit) => (hit?.quality ?? 0) < 0.5)) described(terms, hits, movie);
  const totalWeight = terms.reduce((total, { weight }) => total + weight, 0) || 1;
  const fit = sum(terms, hits) / totalWeight;
  const popularity = Math.log10((movie.votes ?? 0) + 1) / 7;
  // Between movies of the same fit, one with all terms is preferred, even if it has them only in the description.
  const complete = terms.every(({ weight }, i) => weight < 0.1 || (hits[i]?.quality ?? 0) >= sure) ? 0.15 : 0;
  // "theo jammes" is more likely one person than the beginning of a title and another person.
  const named = hasFullName ? 0.13 : 0;
  return { score: fit * (0.75 + 0.25 * coverage) + complete + named + 0.08 * popularity, fit, hits };
}

function worth(hit: Hit | undefined): number {
  if (!hit) return 0;
  // Words this different are often unrelated, and several of them must not outweigh exact words of a description.
  return (hit.quality < 0.6 ? 0.75 : 1) * hit.quality * factor[hit.in];
}

function sum(terms: AskedTerm[], hits: (Hit | undefined)[]): number {
  return terms.reduce((total, { weight }, i) => total + weight * worth(hits[i]), 0);
}

function better(hits: (Hit | undefined)[], at: number, hit: Hit | undefined): void {
  if (worth(hit) > worth(hits[at])) hits[at] = hit;
}

/** Returns the share of a title that was asked for, by weight. */
function coverageOf(words: Term[], hits: (Hit | undefined)[]): number {
  const totalWeight = words.reduce((total, word) => total + weightOf(word), 0) || 1;
  return Math.min(1, hits.reduce((total, hit) => total + (hit?.covers ?? 0), 0) / totalWeight);
}

/** Finds the terms that the title lacks among the people, and whether one's first and last name were asked for. */
function people(terms: AskedTerm[], hits: (Hit | undefined)[], movie: Searched) {
  const found: (Hit | undefined)[] = terms.map(() => undefined);
  let hasFullName = false;
  const missing = terms.flatMap((_, i) => ((hits[i]?.quality ?? 0) < sure ? [i] : []));
  if (missing.length === 0) return { found, hasFullName };
  const wanted = missing.map((i) => terms[i] as AskedTerm);
  for (const name of [...movie.director.split(','), ...movie.actors]) {
    const words = termsOf(name);
    const own = align(wanted, words, 'people', name.trim());
    own.forEach((hit, at) => {
      if (hit) better(found, missing[at] as number, hit);
    });
    hasFullName ||= words.length > 1 && coverageOf(words, own) > 0.6;
  }
  return { found, hasFullName };
}

function yearHit({ years, text }: AskedTerm, { year }: Searched): Hit | undefined {
  if (!years || year === null) return undefined;
  const [from, to] = years;
  const quality = year >= from && year <= to ? 1 : year === from - 1 || year === to + 1 ? 0.5 : 0;
  return quality > 0 ? { in: 'year', quality, covers: 0, word: text, text: String(year) } : undefined;
}

function genreHit({ genres, text }: AskedTerm, movie: Searched): Hit | undefined {
  const found = movie.genres.filter((genre) => genres.includes(genreKey(genre)));
  if (found.length === 0) return undefined;
  return { in: 'genres', quality: 1, covers: 0, word: text, text: found.join(', ') };
}

function described(terms: AskedTerm[], hits: (Hit | undefined)[], { description }: Searched): void {
  const words = new Set(splitWords(description));
  terms.forEach((term, i) => {
    const { text, key } = term;
    if (isStopWord(term)) return;
    const forms = [text, key, otherNumber(text)];
    if (forms.some((form) => words.has(form))) {
      better(hits, i, { in: 'description', quality: 1, covers: 0, word: text, text: '' });
    } else if (i === terms.length - 1 && text.length > 1) {
      const open = [...words].some((word) => word.startsWith(text));
      if (open) better(hits, i, { in: 'description', quality: 0.9, covers: 0, word: text, text: '' });
    }
  });
}
