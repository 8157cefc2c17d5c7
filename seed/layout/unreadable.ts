/** What a value can be that is not as it should be, and words that say that nothing is known. */

/** The value says nothing that can be read: it is left out with a warning, and the row goes on. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** The value could mean two things, or cannot be true: its row is refused. */
export class Doubtful extends Error {
  override readonly name = 'Doubtful';
}

const unknownWords = new Set([
  ...['', '-', '--', '–', '—', '?', '\\n', 'n/a', 'n.a.', 'na', '#n/a', '<na>', 'nan', 'null', 'none', 'nil'],
  ...['unknown', 'undefined', 'not available', 'not known', 'tba', 'tbd'],
]);

/** Whether a trimmed value says that nothing is known: empty, N/A, \N, NaN, -, Unknown … */
export function isUnknown(text: string): boolean {
  return text === '' || (text.length <= 13 && unknownWords.has(text.toLowerCase()));
}

/** A value as it is shown in a message: in quotes, and not too long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
