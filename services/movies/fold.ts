/** Folding of text, so that what people type equals what is stored despite case and accents. */

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

/** Most text is ASCII, where only case has to be folded. */
const ascii = /^[\x20-\x7e]*$/;

/** Returns text in lower case without accents: "Amélie" → "amelie". */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[øłđðþßæœı]/g, (letter) => special[letter] ?? letter);
}
