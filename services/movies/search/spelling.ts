/** One form for words that are written in several ways: British and American, short and long. Pure. */

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

const several = /our|re|is|ogue|ph/;

/**
 * The form that a word is compared by: "colours" → "colors", "theatre" → "theater", "realise" → "realize". Both sides are
 * changed alike, so it does not matter that some results are no words.
 */
export function spellingKey(word: string): string {
  const known = spellings.get(word);
  if (known !== undefined) return known;
  if (word.length < 5 || !several.test(word)) return word;
  return word
    .replace(/^(.{3,})our(s|ed|ing|ful|hood|hoods|ite|ites|able)?$/, '$1or$2')
    .replace(/^(.{2,}[bt])re(s?)$/, '$1er$2')
    .replace(/^(.{3,})is(e|ed|es|er|ers|ing|ation)$/, '$1iz$2')
    .replace(/^(.{3,})ogue(s?)$/, '$1og$2')
    .replaceAll('ph', 'f');
}
