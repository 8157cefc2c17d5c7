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

/** Most text is ASCII, where there is nothing but case to fold. */
const ascii = /^[\x20-\x7e]*$/;

/** Whether something of a text can be seen: all but blanks, marks of no letter, and signs that are there to be ignored. */
export function isVisible(text: string): boolean {
  // U+2800 is the pattern of Braille without a dot.
  return /[^\p{Z}\p{M}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u.test(text);
}

/** Lower case without accents: "Amélie" → "amelie". */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[øłđðþßæœı]/g, (letter) => special[letter] ?? letter);
}
