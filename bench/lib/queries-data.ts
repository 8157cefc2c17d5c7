/** Generates the 200 measured searches: common and rare words, prefixes, names, misspellings, and mixtures. */
import { syntheticMovies, vocabulary } from './movies-data.ts';
import { randomFrom } from './random.ts';

export interface SearchCase {
  kind: string;
  q: string;
}

/** Returns the same list for every size of the catalogue from 1,000 movies on. */
export function searchCases(): SearchCase[] {
  const random = randomFrom(99);
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1));
  const word = (low: number, high: number): string => vocabulary[between(low, high)] as string;
  const movies = [...syntheticMovies(1000)];
  const movie = () => movies[between(0, 999)] as (typeof movies)[number];
  const cases: SearchCase[] = [];
  const add = (kind: string, count: number, q: () => string): void => {
    for (let i = 0; i < count; i++) cases.push({ kind, q: q() });
  };
  add('commonest word', 20, () => word(0, 59));
  add('common word', 20, () => word(60, 1000));
  add('rare word', 20, () => word(10_000, 59_999));
  add('prefix of 1 letter', 8, () => word(60, 20_000).slice(0, 1));
  add('prefix of 2 letters', 12, () => word(60, 20_000).slice(0, 2));
  add('prefix of 3 or 4 letters', 20, () => word(60, 20_000).slice(0, between(3, 4)));
  add('two common words', 20, () => `${word(0, 59)} ${word(0, 300)}`);
  add('three common words', 10, () => `${word(0, 59)} ${word(0, 59)} ${word(0, 59)}`);
  add('common and rare word', 20, () => `${word(0, 59)} ${word(10_000, 59_999)}`);
  add('a title', 15, () => movie().title);
  add('a name', 15, () => movie().actors[0] as string);
  add('misspelled', 20, () =>
    movie()
      .title.split(' ')
      .map((part) => misspelled(part, random))
      .join(' '),
  );
  return cases;
}

/** Drops or doubles a letter, or swaps it with the next. */
function misspelled(text: string, random: () => number): string {
  if (text.length < 4) return text;
  const at = 1 + Math.floor(random() * (text.length - 2));
  const kind = Math.floor(random() * 3);
  if (kind === 0) return text.slice(0, at) + text.slice(at + 1);
  if (kind === 1) return text.slice(0, at) + text.charAt(at) + text.slice(at);
  return text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
}
