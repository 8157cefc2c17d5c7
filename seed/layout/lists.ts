/** Lists of genres, people and countries in one value. */
import { distinct } from '../../services/movies/contract.ts';
import { readLiteral } from './literal.ts';
import { isUnknown, shown, Unreadable } from './unreadable.ts';

const noGenres = '(no genres listed)';

const item = String.raw`(?:\s*"[^"[\]{},]*"\s*|[^"[\]{},]*)`;
const items = new RegExp(`^${item}(?:,${item})*$`);

/**
 * `{"Lee, Ann","Li, Bo"}`, as PostgreSQL writes it, or the same without brackets, as a list of JSON; `[Drama, War]`, whose values
 * are not in quotes, without its brackets; and a text of one pair of quotes without them.
 */
function plainer(text: string): string {
  const inner = text.startsWith('"') ? text : /^[[{](["\p{L}].*)[\]}]$/su.exec(text)?.[1];
  if (inner === undefined) return text;
  const whole = readLiteral(text);
  if (typeof whole === 'string') return whole;
  const list = `[${inner}]`;
  if (readLiteral(list) !== undefined) return list;
  return whole === undefined && items.test(inner) ? inner : text;
}

/** Genres, whichever of `,` `|` `/` `;` or a JSON or Python list parts them. */
export function readGenres(text: string): string[] {
  return distinct(partsOf(plainer(text), /[,|/;\t\n]/)).filter((genre) => genre !== noGenres);
}

/** People: parted by `|` or `;` where there is one, since names have commas; else by `/` or `,`. */
export function readPeople(text: string, job?: string): string[] {
  const separator = /[|;\t\n]/.test(text) ? /[|;\t\n]/ : /[,/]/;
  const parts = partsOf(plainer(text), separator, job);
  const people: string[] = [];
  for (const part of parts) {
    // The comma of "Robert Downey, Jr." parts nobody.
    if (people.length > 0 && /^(?:jr|sr|ii|iii|iv)\.?$/i.test(part)) people.push(`${people.pop()}, ${part}`);
    else people.push(part);
  }
  return distinct(people);
}

/** Titles: they hold commas and strokes themselves. */
export function readTitles(text: string): string[] {
  // (500) is no list.
  return /^[[(]\d[\d\s.,]*[\])]$/.test(text) ? [text] : distinct(partsOf(text, /[|;\n]/));
}

/** @throws Unreadable for a list of JSON or Python that is cut off, or has something else than names. */
function partsOf(text: string, separator: RegExp, job?: string): string[] {
  if (isUnknown(text)) return [];
  const list = /[[{(]/.test(text[0] ?? '') ? readLiteral(text) : undefined;
  if (list === undefined && /^[[{]\s*[{'"]|^\(\s*['"][^)]*$/.test(text))
    throw new Unreadable(`${shown(text)} is no whole list`);
  const parts = list === undefined ? text.split(separator) : namesOf(list, job);
  return parts.map((part) => part.trim().replace(/^"(.*)"$/, '$1')).filter((part) => !isUnknown(part));
}

/**
 * Names of a list of texts, or of objects such as TMDB's `{"id": 28, "name": "Action"}`, with that job if there is one.
 * @throws Unreadable for entries that have none, such as ids
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
