/** The lines and font size of a poster's title: as large as fits, usually in up to five lines. */

export interface TitleLines {
  lines: string[];
  /** Font size in units of the SVG. */
  size: number;
}

const sizes = [50, 43, 37, 31, 26, 22, 18, 15];
const maxLines = 5;
const maxCharacters = 110;
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Breaks a title into lines that fit a width. Words longer than a line are split, and very long titles cut. */
export function fitTitle(title: string, width: number, maxHeight: number): TitleLines {
  const words = shortened(title).split(/\s+/).filter(Boolean);
  for (const size of sizes) {
    const lines = wrap(words, ' ', width / size);
    const fits = lines.length <= maxLines && lines.length * size * 1.04 <= maxHeight;
    if (fits && lines.every((line) => widthOf(line) * size <= width)) return { lines, size };
  }
  const size = sizes.at(-1) as number;
  const pieces = words.flatMap((word) => wrap(graphemes(word), '', width / size));
  return { lines: wrap(pieces, ' ', width / size).slice(0, 8), size };
}

/** Whether the first letter of the text belongs to a script that is written from right to left. */
export function isRightToLeft(text: string): boolean {
  const first = /[\p{L}]/u.exec(text)?.[0] ?? '';
  return /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(first);
}

function shortened(title: string): string {
  const characters = graphemes(title);
  return characters.length <= maxCharacters ? title : `${characters.slice(0, maxCharacters).join('').trimEnd()}…`;
}

const graphemes = (text: string): string[] => [...segmenter.segment(text)].map(({ segment }) => segment);

/** Joins parts to lines that are at most `maxWidth` wide, in ems. */
function wrap(parts: string[], separator: string, maxWidth: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const extended = `${lines.at(-1)}${separator}${part}`;
    if (lines.length > 0 && widthOf(extended) <= maxWidth) lines[lines.length - 1] = extended;
    else lines.push(part);
  }
  return lines;
}

/** Estimates the width of bold text in ems, a little too wide because fonts differ between readers. */
function widthOf(text: string): number {
  let width = 0;
  for (const sign of text) {
    if (/[ijlI.,:;'’!|() ]/.test(sign)) width += 0.34;
    else if (/[mwMW@%]/.test(sign)) width += 0.96;
    else if (/[\p{Lu}\d]/u.test(sign)) width += 0.74;
    else width += (sign.codePointAt(0) as number) > 0x2e80 ? 1.1 : 0.6;
  }
  return width;
}
