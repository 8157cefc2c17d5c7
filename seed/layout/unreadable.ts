/** Errors for values that cannot be used, and words that mean an unknown value. */

/** Thrown for a value that cannot be read: it is ignored with a warning, and the rest of the row is used. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** Thrown for a value that is ambiguous or impossible: the row is refused. */
export class Doubtful extends Error {
  override readonly name = 'Doubtful';
}

/** What databases write for no value, and spreadsheets for an error. */
const missingWords = ['\\n', '#n/a', '#ref!', '#value!', '#name?', '#div/0!', '#num!', '#null!'];

const unknownWords = new Set([
  ...['', '-', '--', '–', '—', '?', 'n/a', 'n.a.', 'na', '<na>', 'nan', 'null', 'none', 'nil'],
  ...missingWords,
  ...['unknown', 'undefined', 'not available', 'not known', 'tba', 'tbd'],
]);

/** Returns whether a trimmed value means that nothing is known: empty, N/A, \N, NaN, -, Unknown … */
export function isUnknown(text: string): boolean {
  return text === '' || (text.length <= 13 && unknownWords.has(text.toLowerCase()));
}

/** Returns whether a title is missing: Unknown, None and - are titles of films. */
export function isMissing(title: string): boolean {
  return missingWords.includes(title.toLowerCase());
}

/** Returns a value for a message: quoted and shortened. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
