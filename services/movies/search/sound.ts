/** Phonetic forms of words, by which "dunkerque" matches "dunkirk" and "kwentin" matches "quentin". Pure. */

/** Prefix of sounds in the table of variants. No word or other variant starts with it. */
const mark = '~';
const soft = 'eiy';

/** Returns the sound of a letter at its place; '' if it is ignored, like all vowels after the first letter. */
function soundAt(word: string, at: number): string {
  const letter = word.charAt(at);
  if (letter === word.charAt(at - 1)) return '';
  switch (letter) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
      return at === 0 ? 'a' : '';
    case 'h':
    case 'w':
    case 'y':
      return at === 0 ? letter : '';
    case 'c': {
      const [inS, isSoft] = [word.charAt(at - 1) === 's', isOneOf(soft, word, at + 1)];
      return isSoft ? (inS ? '' : 's') : inS && word.charAt(at + 1) === 'h' ? '' : 'k';
    }
    case 'k':
      return word.charAt(at - 1) === 'c' ? '' : 'k';
    case 'g':
      return at > 0 && word.charAt(at + 1) === 'h' ? '' : isOneOf(soft, word, at + 1) ? 'j' : 'k';
    case 'd':
      return isOneOf('jg', word, at + 1) ? '' : 'd';
    case 't':
      if (word.startsWith('z', at + 1) || word.startsWith('ch', at + 1)) return '';
      return word.startsWith('io', at + 1) || word.startsWith('ia', at + 1) ? 's' : 't';
    case 'q':
      return 'k';
    case 'v':
      return 'f';
    case 'x':
      return at === 0 ? 's' : 'ks';
    case 'z':
      return 's';
    default:
      return letter;
  }
}

const isOneOf = (letters: string, word: string, at: number): boolean =>
  at < word.length && letters.includes(word.charAt(at));

/** Returns the sounds of a word of 3 to 30 Latin letters, with the prefix; '' for other words. */
export function soundsOf(word: string): string {
  if (!/^[a-z]{3,30}$/.test(word)) return '';
  let sounds = mark;
  for (let at = 0; at < word.length; at++) sounds += soundAt(word, at);
  return sounds;
}

/** Vowel sounds of one and two letters. A final "e" is silent. */
const vowels = new Map(
  Object.entries({ a: 'ai ay', i: 'ea ee ey ie y', o: 'au aw oa ow', u: 'ew oo ou ue ui' }).flatMap(([sound, texts]) =>
    texts.split(' ').map((text): [string, string] => [text, sound]),
  ),
);

/** Returns the sounds of a word with vowels: "lite" equals "light", "doon" equals "dune", "loosy" equals "lucy". */
export function pronunciation(word: string): string {
  let sounds = '';
  for (let at = word.startsWith('ps') ? 1 : 0; at < word.length; at++) {
    const letter = word.charAt(at);
    if (!'aeiouyw'.includes(letter)) {
      sounds += soundAt(word, at);
      continue;
    }
    const both = vowels.get(word.slice(at, at + 2));
    if (both !== undefined) at++;
    else if (letter === 'e' && at > 1 && at === word.length - 1) break;
    sounds += both ?? vowels.get(letter) ?? letter;
  }
  return sounds;
}

/** Whether two words have the same sounds. Compares sound by sound, because most pairs differ in the first ones. */
export function soundAlike(a: string, b: string): boolean {
  let [i, j, one, other] = [0, 0, '', ''];
  do {
    // A letter may have two sounds: "x" is "ks".
    [one, other] = [one.slice(1), other.slice(1)];
    while (one === '' && i < a.length) one = soundAt(a, i++);
    while (other === '' && j < b.length) other = soundAt(b, j++);
    if (one.charAt(0) !== other.charAt(0)) return false;
  } while (one !== '');
  return true;
}
