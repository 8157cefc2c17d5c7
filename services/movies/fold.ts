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

/** Lower case without accents: "Amélie" → "amelie". */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[øłđðþßæœı]/g, (letter) => special[letter] ?? letter);
}
