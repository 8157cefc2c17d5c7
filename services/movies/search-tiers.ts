/** The kinds of match of a search, best first: as queries of the index, and as a look at one movie. Pure. */
import { words } from '../../shared/operations/text.ts';

/** Tier 0 is the exact title, 1 to 6 are those of `tiers`, and this one has corrected words. */
export const correctedTier = 7;

/** Which of the two indices, and the FTS5 expression. */
export interface Tier {
  index: 'names' | 'texts';
  expression: string;
}

/** The parts of a movie that are searched. */
export interface Searched {
  title: string;
  director: string;
  actors: string[];
  description: string;
}

const whole = (word: string): string => `"${word}"`;
const prefix = (word: string): string => `"${word}"*`;

/**
 * Tiers 1 to 6: all words in the title, in title and people, anywhere; each with whole words first and then with words
 * as prefixes. Anywhere, only the last word is a prefix: the others are as they were meant, and reading all words of
 * all descriptions that begin with "a" would take long.
 */
export function tiers(query: string[]): Tier[] {
  const all = query.map(whole).join(' AND ');
  const prefixes = query.map(prefix).join(' AND ');
  const lastPrefix = query.map((word, index) => (isOpen(query, index) ? prefix(word) : whole(word))).join(' AND ');
  return [
    { index: 'names', expression: `{title} : (${all})` },
    { index: 'names', expression: `{title} : (${prefixes})` },
    { index: 'names', expression: all },
    { index: 'names', expression: prefixes },
    { index: 'texts', expression: all },
    { index: 'texts', expression: lastPrefix },
  ];
}

/** Whether a word may go on where all texts are searched. */
function isOpen(query: string[], index: number): boolean {
  return index === query.length - 1 && (query[index] as string).length > 1;
}

/** The best tier of 1 to 6 that a movie is in; where it is in none, the corrected one. */
export function gradeOf(query: string[], { title, director, actors, description }: Searched): number {
  const inTitle = words(title);
  if (hasAll(inTitle, query)) return 1;
  if (hasPrefixes(inTitle, query)) return 2;
  const inNames = [...inTitle, ...words(`${director} ${actors.join(' ')}`)];
  if (hasAll(inNames, query)) return 3;
  if (hasPrefixes(inNames, query)) return 4;
  const anywhere = [...inNames, ...words(description)];
  if (hasAll(anywhere, query)) return 5;
  const open = query.every((word, index) =>
    isOpen(query, index) ? anywhere.some((known) => known.startsWith(word)) : anywhere.includes(word),
  );
  return open ? 6 : correctedTier;
}

function hasAll(known: string[], query: string[]): boolean {
  return query.every((word) => known.includes(word));
}

function hasPrefixes(known: string[], query: string[]): boolean {
  return query.every((word) => known.some((candidate) => candidate.startsWith(word)));
}
