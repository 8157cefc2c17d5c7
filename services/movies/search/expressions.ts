/** Searches as expressions of FTS5. Pure. Every word is quoted: nothing that is typed is an operator. */
import { yearFact } from './facts.ts';
import { otherNumber } from './terms.ts';
import type { AskedTerm } from './understand.ts';

/** Ways to part a word: for each part the words that it may be. */
export type Ways = string[][][];

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
  /** For each term: its ways to be parted where one or two parts are mistyped. */
  mistyped: Ways[];
  /** For each term: known words inside one that is mistyped in several places. */
  anchors: string[][];
  /** For each term: the known word that it makes with those behind it, and how many terms that are. */
  joins: ({ word: string; terms: number } | undefined)[];
}

const whole = (word: string): string => `"${word}"`;
const prefix = (word: string): string => `"${word}"*`;
const either = (parts: string[]): string => (parts.length === 1 ? (parts[0] as string) : `(${parts.join(' OR ')})`);
/**
 * All parts together, in the order given: those first that few movies have. FTS5 moves each of them on to where any other is;
 * the NOT of a word that nothing has keeps one where it is until those before it agree.
 */
export const every = (parts: string[]): string =>
  parts.length === 1
    ? (parts[0] as string)
    : `(${parts.reduce((all, part, i) => (i < 2 ? `${all} AND ${part}` : `((${all}) NOT "§") AND ${part}`))})`;

/** The same, those with a long word first: a guess at which few movies have. */
export const together = (parts: string[]): string =>
  every(parts.toSorted((a, b) => firstWord(b).length - firstWord(a).length));
const firstWord = (part: string): string => /"([^"]*)/.exec(part)?.[1] ?? '';

/** Letters of the prefixes that there is an index for. */
export const longestIndexed = 4;

/** How far from its letters a term may be taken. */
export interface Reach {
  /** The words of any place, not only of names. */
  texts: boolean;
  /** What is parted or mistyped as well. */
  parted: boolean;
  corrected: boolean;
  /** By any known word inside a term. */
  anchored?: boolean;
}

/**
 * For each term, or terms that make one word, the expression that finds it. Terms that say no more than `bound` are left
 * out, unless none says more.
 */
export function groups(terms: AskedTerm[], readings: Readings, reach: Reach, bound: number): string[] {
  const found: string[] = [];
  // Alone beside a year, as in "it 2017", an article is all that a title has; what people add to any search is not.
  const article = terms.length === 2 && terms.some(({ weight, years }) => !years && weight >= 0.1);
  const weights = terms.map(({ weight, years }) => (years && article ? 0 : weight));
  const least = Math.min(bound, Math.max(...weights) - 0.01);
  for (let i = 0; i < terms.length; i++) {
    const joined = readings.joins[i];
    // Of articles alone, as in "the a", it would be in nearly every title.
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
  { texts, parted, corrected, anchored }: Reach,
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
  if (parts) forms.push(together(parts.map(whole)));
  for (const split of parted ? (readings.splits[at] ?? []) : []) {
    // "woman" is hardly "wom an", and nearly everything has a word that begins with "an". In texts "mother" is not "mot her".
    if (readings.known.has(text) && split.some(({ length }) => length < (texts ? 4 : 3))) continue;
    const end = split.at(-1) ?? '';
    // Texts have no index of first letters, and nothing one of more than four: all words that begin so would be read.
    const open = end.length <= longestIndexed && (end.length > 1 || !texts);
    forms.push(together([...split.slice(0, -1).map(whole), open ? prefix(end) : whole(end)]));
  }
  for (const way of parted ? (readings.mistyped[at] ?? []) : []) {
    forms.push(together(way.map((words) => either(words.map(whole)))));
  }
  if (anchored) forms.push(...(readings.anchors[at] ?? []).map(whole));
  if (corrected) forms.push(...(readings.corrections[at] ?? []).map(whole));
  if (texts) {
    if (text.length > 3 && !open) forms.push(whole(otherNumber(text)));
    for (const genre of genres) if (readings.genres.has(genre)) forms.push(whole(`§${genre}`));
    // A movie has one year: of several that are wished for, the others are words.
    if (years && terms.findIndex((term) => term.years) === at)
      for (let year = years[0]; year <= years[1]; year++) forms.push(whole(yearFact(year)));
  }
  return either(forms);
}

/** More groups are not taken apart: each way would be a search of its own. */
const mostTakenApart = 3;

/** Of the rarest: all of them, for what they lack may be what is wrong, then all but one, then each alone. */
export function partial<T>(all: T[]): T[][] {
  const found = all.slice(0, mostTakenApart);
  const lacking = found.length > 2 ? found.map((_, out) => found.filter((_, at) => at !== out)) : [];
  return [...(found.length > 1 ? [found] : []), ...lacking, ...found.map((one) => [one])];
}
