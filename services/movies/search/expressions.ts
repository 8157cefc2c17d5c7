/** Builds FTS5 expressions. Every word is quoted, so that nothing a user types is an operator. Pure. */
import { yearFact } from './facts.ts';
import { otherNumber } from './terms.ts';
import type { AskedTerm } from './understand.ts';

/** Ways to split a word: for each part, the words that it may be. */
export type Ways = string[][][];

/** What the terms of a search may mean in this catalogue. Arrays have an entry for each term. */
export interface Readings {
  /** Words that the term may be a mistyped form of. */
  corrections: string[][];
  /** Words of names that start with the term, if the term is long and the words are few. */
  begun: (string[] | undefined)[];
  /** The words of the search that occur in names. */
  known: Set<string>;
  /** Keys (`genreKey`) of all genres. */
  genres: Set<string>;
  /** Ways to split the term into known words. */
  splits: string[][][];
  /** Ways to split the term when one or two parts are mistyped. */
  mistyped: Ways[];
  /** Known words inside a term that is mistyped in several places. */
  anchors: string[][];
  /** The known word that the term forms with the following ones, and how many terms it takes. */
  joins: ({ word: string; terms: number } | undefined)[];
}

const whole = (word: string): string => `"${word}"`;
const prefix = (word: string): string => `"${word}"*`;
const either = (parts: string[]): string => (parts.length === 1 ? (parts[0] as string) : `(${parts.join(' OR ')})`);
/**
 * Returns an expression that requires all parts; those that few movies have should come first. FTS5 advances every part
 * of an AND. The NOT of a word that does not occur makes it advance a part only where those before agree.
 */
export const every = (parts: string[]): string =>
  parts.length === 1
    ? (parts[0] as string)
    : `(${parts.reduce((all, part, i) => (i < 2 ? `${all} AND ${part}` : `((${all}) NOT "§") AND ${part}`))})`;

/** Like `every`, with parts sorted by the length of their first words: long words are probably rare. */
export const together = (parts: string[]): string =>
  every(parts.toSorted((a, b) => firstWord(b).length - firstWord(a).length));
const firstWord = (part: string): string => /"([^"]*)/.exec(part)?.[1] ?? '';

/** Letters of the longest prefixes that the full-text indices cover. */
export const longestIndexed = 4;

/** Which forms of a term an expression includes beside the term itself. */
export interface Reach {
  /** Forms for the index of all texts, instead of the one of names. */
  texts: boolean;
  /** Ways to split the term. */
  split: boolean;
  /** Words that the term may be a mistyped form of. */
  corrected: boolean;
  /** Known words inside the term. */
  anchored?: boolean;
}

/** Returns an expression for each term or joined terms. Those of weight `bound` or less are omitted, unless all are. */
export function groups(terms: AskedTerm[], readings: Readings, reach: Reach, bound: number): string[] {
  const found: string[] = [];
  // Beside a year alone, as in "it 2017", an article is the whole title. A word such as "movies" is not.
  const article = terms.length === 2 && terms.some(({ weight, years }) => !years && weight >= 0.1);
  const weights = terms.map(({ weight, years }) => (years && article ? 0 : weight));
  const least = Math.min(bound, Math.max(...weights) - 0.01);
  for (let i = 0; i < terms.length; i++) {
    const joined = readings.joins[i];
    // Articles alone, as in "the a", would match nearly every title.
    const join = joined && terms.slice(i, i + joined.terms).some(({ weight }) => weight > least) ? joined : undefined;
    const count = join?.terms ?? 1;
    const parts: string[] = [];
    for (let at = i; at < i + count; at++) {
      if (join || (terms[at] as AskedTerm).weight > least) parts.push(termExpression(terms, at, readings, reach));
    }
    if (join) found.push(either([prefix(join.word), together(parts)]));
    else found.push(...parts);
    i += count - 1;
  }
  return found;
}

function termExpression(
  terms: AskedTerm[],
  at: number,
  readings: Readings,
  { texts, split, corrected, anchored }: Reach,
): string {
  const { text, key, weight, parts, years, genres } = terms[at] as AskedTerm;
  const last = at === terms.length - 1;
  // Not every term is a prefix: reading all words that start with "a" or "with" in all descriptions would take long.
  const open = texts ? last && text.length > 1 && !readings.known.has(text) : last || (text.length > 1 && weight > 0.2);
  // Long prefixes are not indexed: FTS5 would read all movies with any such word before it returns the first.
  const begun = texts ? undefined : readings.begun[at];
  const forms = open ? (begun?.map(whole) ?? [prefix(text)]) : [whole(text)];
  if (key !== text) forms.push(whole(key));
  if (/^\d+th$/.test(key)) forms.push(whole(key.slice(0, -2)));
  if (parts) forms.push(together(parts.map(whole)));
  for (const words of split ? (readings.splits[at] ?? []) : []) {
    // Known words are not split into short parts: "wom an", as many words start with "an", and in texts "mot her".
    if (readings.known.has(text) && words.some(({ length }) => length < (texts ? 4 : 3))) continue;
    const end = words.at(-1) ?? '';
    // Only prefixes of 2 to 4 letters are indexed, in names also of 1. All words with another prefix would be read.
    const open = end.length <= longestIndexed && (end.length > 1 || !texts);
    forms.push(together([...words.slice(0, -1).map(whole), open ? prefix(end) : whole(end)]));
  }
  for (const way of split ? (readings.mistyped[at] ?? []) : []) {
    forms.push(together(way.map((words) => either(words.map(whole)))));
  }
  if (anchored) forms.push(...(readings.anchors[at] ?? []).map(whole));
  if (corrected) forms.push(...(readings.corrections[at] ?? []).map(whole));
  if (texts) {
    if (text.length > 3 && !open) forms.push(whole(otherNumber(text)));
    for (const genre of genres) if (readings.genres.has(genre)) forms.push(whole(`§${genre}`));
    // A movie has one year. If a search has several, only the first is one and the others are words.
    if (years && terms.findIndex((term) => term.years) === at)
      for (let year = years[0]; year <= years[1]; year++) forms.push(whole(yearFact(year)));
  }
  return either(forms);
}

/** Most groups that are combined, because each combination is a query. */
const maxCombined = 3;

/** Combines the three rarest groups: all (the error may be in a group left out), all but one, then each alone. */
export function partial<T>(all: T[]): T[][] {
  const found = all.slice(0, maxCombined);
  const allButOne = found.length > 2 ? found.map((_, out) => found.filter((_, at) => at !== out)) : [];
  return [...(found.length > 1 ? [found] : []), ...allButOne, ...found.map((one) => [one])];
}
