/** Parses lists of genres, people and countries in one value. */
import { distinct } from '../../services/movies/contract.ts';
import { readLiteral } from './literal.ts';
import { isUnknown, shown, Unreadable } from './unreadable.ts';

const noGenres = '(no genres listed)';

const item = String.raw`(?:\s*"[^"[\]{},]*"\s*|[^"[\]{},]*)`;
const items = new RegExp(`^${item}(?:,${item})*$`);

/**
 * Turns `{"Lee, Ann","Li, Bo"}`, as PostgreSQL writes it, with or without brackets, into a JSON list; removes the
 * brackets of `[Drama, War]`, whose values are unquoted, and the quotes of a single text.
 */
function normalizeList(text: string): string {
  const inner = text.startsWith('"') ? text : /^[[{](["\p{L}].*)[\]}]$/su.exec(text)?.[1];
  if (inner === undefined) return text;
  const whole = readLiteral(text);
  if (typeof whole === 'string') return whole;
  const list = `[${inner}]`;
  if (readLiteral(list) !== undefined) return list;
  return whole === undefined && items.test(inner) ? inner : text;
}

/** Reads genres separated by `,` `|` `/` or `;`, or in a JSON or Python list. */
export function readGenres(text: string): string[] {
  return distinct(partsOf(normalizeList(text), /[,|/;\t\n]/)).filter((genre) => genre !== noGenres);
}

/** Reads people separated by `|` or `;`, else by `/` or `,`; only those with the `job`, where the list names jobs. */
export function readPeople(text: string, job?: string): string[] {
  const separator = /[|;\t\n]/.test(text) ? /[|;\t\n]/ : /[,/]/;
  const parts = partsOf(normalizeList(text), separator, job);
  const people: string[] = [];
  for (const part of parts) {
    // The comma of "Robert Downey, Jr." does not separate two people.
    if (people.length > 0 && /^(?:jr|sr|ii|iii|iv)\.?$/i.test(part)) people.push(`${people.pop()}, ${part}`);
    else people.push(part);
  }
  return distinct(people);
}

/** Reads titles separated by `|` or `;`, since titles may contain commas and slashes. */
export function readTitles(text: string): string[] {
  // A title such as (500) is not a list.
  return /^[[(]\d[\d\s.,]*[\])]$/.test(text) ? [text] : distinct(partsOf(text, /[|;\n]/));
}

/** Splits a list into its parts. @throws Unreadable for a JSON or Python list that is incomplete or has no names */
function partsOf(text: string, separator: RegExp, job?: string): string[] {
  if (isUnknown(text)) return [];
  const list = /[[{(]/.test(text[0] ?? '') ? readLiteral(text) : undefined;
  if (list === undefined && /^[[{]\s*[{'"]|^\(\s*['"][^)]*$/.test(text))
    throw new Unreadable(`${shown(text)} is not a complete list`);
  const parts = list === undefined ? text.split(separator) : namesOf(list, job);
  return parts.map((part) => part.trim().replace(/^"(.*)"$/, '$1')).filter((part) => !isUnknown(part));
}

/**
 * Returns the names in a list of texts, or of objects such as TMDB's `{"id": 28, "name": "Action"}` without another
 * `job`.
 * @throws Unreadable for entries without a name, such as ids
 */
function namesOf(list: unknown, job: string | undefined): string[] {
  return [list].flat().flatMap((entry): string[] => {
    if (typeof entry === 'string') return [entry];
    const { name, job: itsJob } = Object(entry) as Record<string, unknown>;
    const text = JSON.stringify(entry ?? {});
    if (name === undefined && text !== '{}') throw new Unreadable(`${shown(text)} has no name`);
    if (job !== undefined && itsJob !== undefined && itsJob !== job) return [];
    return typeof name === 'string' ? [name] : [];
  });
}
