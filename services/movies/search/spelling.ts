/** Maps spelling variants of a word to one form: British and American, abbreviated and full. Pure. */

const pairs: Record<string, string> = {
  aeroplane: 'airplane',
  cheque: 'check',
  dr: 'doctor',
  ep: 'episode',
  grey: 'gray',
  jnr: 'junior',
  jr: 'junior',
  jewellery: 'jewelry',
  mom: 'mum',
  mommy: 'mummy',
  mr: 'mister',
  mrs: 'missus',
  moustache: 'mustache',
  plough: 'plow',
  programme: 'program',
  pt: 'part',
  pyjamas: 'pajamas',
  sr: 'senior',
  st: 'saint',
  storey: 'story',
  traveller: 'traveler',
  travelling: 'traveling',
  tyre: 'tire',
  vol: 'volume',
  vs: 'versus',
};
const spellings = new Map(Object.entries(pairs));

/** Letters without which none of the rules below applies. */
const mayVary = /our|re|is|ogue|ph/;

/**
 * Returns the form in which words are compared: "colours" → "colors", "theatre" → "theater", "realise" → "realize".
 * Some results are not words, which does not matter because searches and titles are changed in the same way.
 */
export function spellingKey(word: string): string {
  const known = spellings.get(word);
  if (known !== undefined) return known;
  if (word.length < 5 || !mayVary.test(word)) return word;
  return word
    .replace(/^(.{3,})our(s|ed|ing|ful|hood|hoods|ite|ites|able)?$/, '$1or$2')
    .replace(/^(.{2,}[bt])re(s?)$/, '$1er$2')
    .replace(/^(.{3,})is(e|ed|es|er|ers|ing|ation)$/, '$1iz$2')
    .replace(/^(.{3,})ogue(s?)$/, '$1og$2')
    .replaceAll('ph', 'f');
}
