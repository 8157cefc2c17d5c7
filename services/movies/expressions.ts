/** Searches as expressions of FTS5. Pure. Every word is quoted: nothing that is typed is an operator. */
import { yearFact } from './facts.ts';
import { otherNumber } from './terms.ts';
import type { AskedTerm } from './understand.ts';

/** What the catalogue knows of the words of a search. */
export interface Readings {
  /** For each term: words that it may be a mistyped form of. */
  corrections: string[][];
  /** For each term: the words of names that begin with it, where it is long and they are few. */
  begun: (string[] | undefined)[];
  /** The words of the search that are in names. */
  known: Set<string>;
  /** All genres, as `genreKey` has them. */
  genres: Set<string>;
  /** For each term: known words that it is made of. */
  splits: string[][][];
  /** For each term: the known word that it makes with those behind it, and how many terms that are. */
  joins: ({ word: string; terms: number } | undefined)[];
}

const whole = (word: string): string => `"${word}"`;
const prefix = (word: string): string => `"${word}"*`;
const either = (parts: string[]): string => (parts.length === 1 ? (parts[0] as string) : `(${parts.join(' OR ')})`);
/**
 * All parts together, those first that are in few movies. FTS5 moves each of them on to where any other is; the NOT of a word
 * that nothing has keeps one where it is until those before it agree.
 */
export const every = (parts: string[]): string => {
  if (parts.length === 1) return parts[0] as string;
  const sorted = parts.toSorted((a, b) => rarity(b) - rarity(a));
  return `(${sorted.reduce((all, part, i) => (i < 2 ? `${all} AND ${part}` : `((${all}) NOT "§") AND ${part}`))})`;
};

/** A guess: a year is in fewer movies than any word, a long word in fewer than a short one, and a genre in many. */
function rarity(part: string): number {
  if (/"§[^"r]*\d/.test(part)) return 20;
  const word = /"([^"]*)/.exec(part)?.[1] ?? '';
  return word.startsWith('§') ? 0 : word.length;
}

/** How far from its letters a term may be taken. */
export interface Reach {
  /** The words of any place, not only of names. */
  texts: boolean;
  /** What is parted or mistyped as well. */
  parted: boolean;
  corrected: boolean;
}

/**
 * For each term, or terms that make one word, the expression that finds it. Terms that say no more than `bound` are left
 * out, unless none says more.
 */
export function groups(terms: AskedTerm[], readings: Readings, reach: Reach, bound: number): string[] {
  const found: string[] = [];
  const least = Math.min(bound, Math.max(...terms.map(({ weight }) => weight)) - 0.01);
  for (let i = 0; i < terms.length; i++) {
    const joined = readings.joins[i];
    // Of articles alone, as in "the a", it would be in nearly every title.
    const join = joined && terms.slice(i, i + joined.terms).some(({ weight }) => weight > least) ? joined : undefined;
    const count = join?.terms ?? 1;
    const parts: string[] = [];
    for (let at = i; at < i + count; at++) {
      if (join || (terms[at] as AskedTerm).weight > least) parts.push(termExpression(terms, at, readings, reach));
    }
    if (join) found.push(either([prefix(join.word), every(parts)]));
    else found.push(...parts);
    i += count - 1;
  }
  return found;
}

function termExpression(
  terms: AskedTerm[],
  at: number,
  readings: Readings,
  { texts, parted, corrected }: Reach,
): string {
  const { text, key, weight, parts, years, genres } = terms[at] as AskedTerm;
  const last = at === terms.length - 1;
  // Reading all words of all descriptions that begin with "a", or with "with", would take long.
  const open = texts ? last && text.length > 1 && !readings.known.has(text) : last || (text.length > 1 && weight > 0.2);
  // A long prefix has no index: all movies with one of its words would be read before the first is found.
  const begun = texts ? undefined : readings.begun[at];
  const forms = open ? (begun?.map(whole) ?? [prefix(text)]) : [whole(text)];
  if (key !== text) forms.push(whole(key));
  if (/^\d+th$/.test(key)) forms.push(whole(key.slice(0, -2)));
  if (parts) forms.push(every(parts.map(whole)));
  for (const split of parted ? (readings.splits[at] ?? []) : []) {
    // "woman" is hardly "wom an", and nearly everything has a word that begins with "an".
    if (readings.known.has(text) && split.some(({ length }) => length < 3)) continue;
    const end = split.at(-1) ?? '';
    // Texts have no index of first letters: reading all words that begin with "a" would take a second.
    forms.push(every([...split.slice(0, -1).map(whole), texts && end.length < 2 ? whole(end) : prefix(end)]));
  }
  if (corrected) forms.push(...(readings.corrections[at] ?? []).map(whole));
  if (texts) {
    if (text.length > 3 && !open) forms.push(whole(otherNumber(text)));
    for (const genre of genres) if (readings.genres.has(genre)) forms.push(whole(`§${genre}`));
    if (years) for (let year = years[0]; year <= years[1]; year++) forms.push(whole(yearFact(year)));
  }
  return either(forms);
}

/** More groups are not taken apart: each way would be a search of its own. */
const mostTakenApart = 5;

/**
 * The expressions that find what lacks one of the groups, then what has one of them only. What a filter asks for stands in
 * each, as an OR would be read as a whole otherwise.
 */
export function partial(all: string[], filtered: string[]): string[] {
  const found = all.slice(0, mostTakenApart);
  if (found.length < 2) return [];
  const lacking = found.map((_, out) => every([...found.filter((_, at) => at !== out), ...filtered]));
  return [...(found.length > 2 ? [either(lacking)] : []), ...found.map((one) => every([one, ...filtered]))];
}
