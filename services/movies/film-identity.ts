/** Identity of films: the same title, the same year and, where both are known, a common director mean the same film. */
import type { MovieFields } from './contract.ts';
import { fold } from './fold.ts';

type Described = Pick<MovieFields, 'title' | 'alternativeTitles' | 'year' | 'director'>;

const ascii = /^[\x20-\x7e]*$/;

/** Splits a text into folded words: "What's up?" → ["what", "s", "up"]. */
export function words(text: string): string[] {
  // Most text is ASCII, for which the plain classes are several times as fast.
  const pattern = ascii.test(text) ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu;
  return fold(text).match(pattern) ?? [];
}

/** Returns the form in which titles are compared: `WALL·E` equals `Wall-E`, `Tom & Viv` equals `Tom and Viv`. */
export function titleKey(title: string): string {
  return words(title.replaceAll('&', ' and ')).join(' ') || fold(title);
}

/** Returns the distinct keys of the title and the alternative titles; the title's comes first. */
export function titleKeys({ title, alternativeTitles }: Described): string[] {
  return [...new Set([title, ...alternativeTitles].map(titleKey))];
}

/** Returns a key for each director: the sorted words of the name, so that `Bong Joon-ho` equals `Joon Ho Bong`. */
export function directorKeys(director: string): string[] {
  const people = director.split(',').map((name) => words(name).sort().join(' '));
  return [...new Set(people.filter(Boolean))];
}

/** Whether two lists of directors may belong to one film: one list is empty, or both have a director in common. */
export function mayShareDirector(some: string[], others: string[]): boolean {
  return some.length === 0 || others.length === 0 || shareDirector(some, others);
}

export function shareDirector(some: string[], others: string[]): boolean {
  return some.some((key) => others.includes(key));
}

/** Returns keys such that two descriptions with the same title, year and a common director share one. */
export function identityKeys(film: Described): string[] {
  const directors = directorKeys(film.director);
  const key = `${film.year ?? ''}|${titleKey(film.title)}`;
  return directors.length === 0 ? [key] : directors.map((director) => `${key}|${director}`);
}
