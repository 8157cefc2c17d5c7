/** Text as people type it against text as it is written: case, accents and punctuation folded away. */

const special: Record<string, string> = {
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
};

/** Lower case without accents: "Amélie" → "amelie". */
export function fold(text: string): string {
  // Most text is ASCII, where there is nothing but case to fold.
  if (/^[\x20-\x7e]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[øłđðþßæœı]/g, (letter) => special[letter] ?? letter);
}

/** The words of a text, folded: "What's up?" → ["what", "s", "up"]. */
export function words(text: string): string[] {
  return fold(text).match(/[\p{L}\p{N}]+/gu) ?? [];
}
