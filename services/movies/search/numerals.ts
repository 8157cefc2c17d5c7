/** Reads numbers as titles and people write them: "Part II", "twelve", "four hundred", "7th". Pure. */

const units =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const tens = ['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'];
const ordinals =
  'zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth'.split(' ');
// A single i, v or x is a number in searches and titles, so it still matches. Longer numerals are words of no title.
const roman = 'i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx'.split(' ');

const small = new Map<string, number>([
  ...units.map((word, value): [string, number] => [word, value]),
  ...tens.map((word, index): [string, number] => [word, 20 + 10 * index]),
]);
const romanValues = new Map(roman.map((word, index): [string, string] => [word, `${index + 1}`]));
const ordinalKeys = new Map(
  ordinals.flatMap((word, value): [string, string][] => [
    [word, `${value}th`],
    [`${value}${['th', 'st', 'nd', 'rd'][value] ?? 'th'}`, `${value}th`],
  ]),
);

/** Returns the common form of a numeral: "ii" → "2", "third" and "3rd" → "3th"; undefined for other words. */
export function numeralKey(word: string): string | undefined {
  return romanValues.get(word) ?? ordinalKeys.get(word);
}

/**
 * Returns the number that starts at a word, and how many words it takes: ["two", "thousand", "one"] → 2001 in 3 words,
 * ["nineteen", "eighty", "four"] → 1984 in 3 words. Undefined if no number starts there.
 */
export function numberAt(words: string[], at: number): { value: number; length: number } | undefined {
  // "hundred" alone means "a hundred".
  const isHundred = words[at] === 'hundred' || words[at] === 'thousand';
  const first = isHundred ? { value: 1, length: 0 } : below100(words, at);
  if (!first) return undefined;
  let { value, length } = first;
  const next = below100(words, at + length);
  if (value >= 10 && value <= 20 && next && next.value >= 10) {
    return { value: value * 100 + next.value, length: length + next.length };
  }
  for (const [word, factor] of [
    ['hundred', 100],
    ['thousand', 1000],
  ] as const) {
    if (words[at + length] !== word) continue;
    value *= factor;
    length++;
    const and = words[at + length] === 'and' ? 1 : 0;
    const rest = below100(words, at + length + and);
    if (!rest) continue;
    value += rest.value;
    length += and + rest.length;
  }
  return { value, length };
}

function below100(words: string[], at: number): { value: number; length: number } | undefined {
  const value = small.get(words[at] ?? '');
  if (value === undefined) return undefined;
  const unit = value >= 20 ? small.get(words[at + 1] ?? '') : undefined;
  return unit !== undefined && unit > 0 && unit < 10 ? { value: value + unit, length: 2 } : { value, length: 1 };
}
