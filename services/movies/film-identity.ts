/** When two descriptions are of one film: title and year, folded, and the director where two films have both. */
import type { MovieFields } from './contract.ts';
import { fold } from './fold.ts';

type Described = Pick<MovieFields, 'title' | 'alternativeTitles' | 'year' | 'director'>;

const ascii = /^[\x20-\x7e]*$/;

/** The words of a text, folded: "What's up?" → ["what", "s", "up"]. */
export function words(text: string): string[] {
  // Most text is ASCII, and there the plain classes are several times as fast.
  const pattern = ascii.test(text) ? /[a-z0-9]+/g : /[\p{L}\p{N}]+/gu;
  return fold(text).match(pattern) ?? [];
}

/** A title as titles are compared: `WALL·E` and `Wall-E` are one, `Bonnie & Clyde` and `Bonnie and Clyde` too. */
export function titleKey(title: string): string {
  return words(title.replaceAll('&', ' and ')).join(' ') || fold(title);
}

/** Keys of the title and of its alternatives, each once; the title's is the first. */
export function titleKeys({ title, alternativeTitles }: Described): string[] {
  return [...new Set([title, ...alternativeTitles].map(titleKey))];
}

/** Each director with the words of the name in order, so that `Bong Joon-ho` and `Joon Ho Bong` are one. */
export function directorKeys(director: string): string[] {
  const people = director.split(',').map((name) => words(name).sort().join(' '));
  return [...new Set(people.filter(Boolean))];
}

/** Whether two lists of directors may be of one film: one is not known, or somebody is in both. */
export function mayShareDirector(some: string[], others: string[]): boolean {
  return some.length === 0 || others.length === 0 || shareDirector(some, others);
}

export function shareDirector(some: string[], others: string[]): boolean {
  return some.some((key) => others.includes(key));
}

/** Keys of which two descriptions of one film, written alike, have one in common. */
export function identityKeys(film: Described): string[] {
  const directors = directorKeys(film.director);
  const key = `${film.year ?? ''}|${titleKey(film.title)}`;
  return directors.length === 0 ? [key] : directors.map((director) => `${key}|${director}`);
}
