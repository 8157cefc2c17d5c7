import assert from 'node:assert/strict';
import { test } from 'vitest';
import { anchors, doubtfulSplits, halves, nearAnchors, segmentations } from './segments.ts';
import { pronunciation, soundAlike, soundsOf } from './sound.ts';
import { indexWords, splitWords, termsOf } from './terms.ts';
import { errorsBetween, nearness, nearnessBySound, soundKeys, variants } from './typing-errors.ts';
import { understand } from './understand.ts';

const keys = (text: string): string =>
  termsOf(text)
    .map(({ key }) => key)
    .join(' ');

test('splits text into words: apostrophes join, initials are one word, an emoji is one', () => {
  for (const [text, words] of [
    ["What's Up, Doc?", 'whats up doc'],
    ['Schindler’s List', 'schindlers list'],
    ['L.A. Confidential', 'la confidential'],
    ['E.T. the Extra-Terrestrial', 'et the extra terrestrial'],
    ['A.I. Artificial Intelligence', 'ai artificial intelligence'],
    ['M*A*S*H', 'mash'],
    ['J. J. Abrams', 'jj abrams'],
    ['J. Edgar', 'j edgar'],
    ['WALL·E', 'wall e'],
    ['Thelma & Louise', 'thelma and louise'],
    ['Romeo + Juliet', 'romeo and juliet'],
    ['Cléo de 5 à 7', 'cleo de 5 a 7'],
    ['ﬁght İstanbul', 'fight istanbul'],
    ['8½', '8 1 2'],
    ['eight and a half', 'eight 1 2'],
    ['🎬 inception', '🎬 inception'],
    ['千と千尋の神隠し', '千と千尋の神隠し'],
    ['... !?', ''],
  ]) {
    assert.equal(splitWords(text as string).join(' '), words, text);
  }
});

test('all notations of a number have the same key', () => {
  for (const [key, ...texts] of [
    [
      'the godfather part 2',
      'The Godfather Part II',
      'the godfather part two',
      'the godfather pt. Ⅱ',
      'The Godfather Part 2',
    ],
    ['12 angry men', '12 Angry Men', 'Twelve Angry Men'],
    ['2001 a space odyssey', 'two thousand one a space odyssey', 'Two Thousand and One: A Space Odyssey'],
    ['1984', 'nineteen eighty-four', '1984'],
    ['2049', 'twenty forty nine', 'two thousand and forty nine'],
    ['101 dalmatians', 'One Hundred and One Dalmatians', 'hundred and one dalmatians'],
    ['39 steps', 'thirty-nine steps'],
    ['the 7th seal', 'The Seventh Seal', 'the 7th seal'],
    ['the 3th man', 'The Third Man', 'the 3rd man'],
    ['8 1 2', '8½', '8 1/2', '8.5', '8,5', 'eight and a half'],
    ['1 2 3', 'one two three', 'I II III'],
  ]) {
    for (const text of texts) assert.equal(keys(text), keys(key as string).replaceAll('  ', ' '), text);
    assert.equal(keys(texts[0] as string), key);
  }
});

test('British and American spellings, and abbreviations, have the same key', () => {
  for (const [one, other] of [
    ['colours', 'colors'],
    ['my neighbour', 'my neighbor'],
    ['theatre', 'theater'],
    ['realised', 'realized'],
    ['catalogue', 'catalog'],
    ['grey', 'gray'],
    ['dr strangelove', 'doctor strangelove'],
    ['vol. 1', 'volume one'],
  ]) {
    assert.equal(keys(one as string), keys(other as string));
  }
  for (const word of ['four', 'hour', 'our', 'acre', 'rise']) assert.equal(keys(word), keys(word.toUpperCase()));
  assert.equal(keys('hour'), 'hour');
});

test('indexes words as written and by their keys', () => {
  assert.deepEqual(indexWords('The Two Towers'), ['the', 'two', '2', 'towers']);
  assert.deepEqual(indexWords('Two Thousand One'), ['two', 'thousand', 'one', '2001']);
});

test('splits a word into the fewest known words', () => {
  const known = new Set([
    'star',
    'wars',
    'war',
    's',
    'city',
    'of',
    'god',
    'kill',
    'bill',
    'volume',
    'vol',
    '1',
    'wall',
    'e',
  ]);
  assert.deepEqual(segmentations('starwars', known), [['star', 'wars']]);
  assert.deepEqual(segmentations('cityofgod', known), [['city', 'of', 'god']]);
  assert.deepEqual(segmentations('walle', known), [['wall', 'e']]);
  assert.deepEqual(segmentations('killbillvol1', known), [['kill', 'bill', 'vol', '1']]);
  assert.deepEqual(segmentations('thegodofthecityofthestarwarsofgod', new Set([...known, 'the'])), [
    'the god of the city of the star wars of god'.split(' '),
  ]);
  assert.deepEqual(segmentations('cleofrom5to7', new Set(['cleo', 'from', '5', 'to', '7'])), [
    ['cleo', 'from', '5', 'to', '7'],
  ]);
  assert.deepEqual(segmentations('unknown', known), []);
});

test('splits a word into known words and one that may be mistyped, at any place', () => {
  const known = new Set(['run', 'lola', 'city', 'god']);
  const has = (word: string, before: string[], doubted: string, after: string[]): void => {
    const found = doubtfulSplits(word, known);
    assert.ok(
      found.some((one) => JSON.stringify(one) === JSON.stringify({ before, doubted, after })),
      word,
    );
  };
  has('citygood', ['city'], 'good', []);
  has('rnulola', [], 'rnu', ['lola']);
  has('runllolagod', ['run'], 'llola', ['god']);
  assert.deepEqual(doubtfulSplits('lolagood', known)[0], { before: ['lola'], doubted: 'good', after: [] });
  assert.deepEqual(doubtfulSplits('xyzzy', known), []);
});

test('cuts a word into two halves of at least three letters, unless it is too short or too long', () => {
  assert.deepEqual(halves('lolarun'), [
    ['lol', 'arun'],
    ['lola', 'run'],
  ]);
  assert.deepEqual(halves('thelolarun'), halves('lolarun'));
  assert.deepEqual(halves('short'), []);
  assert.deepEqual(halves('x'.repeat(25)), []);
});

test('finds the longest known words, or similar ones, inside a word mistyped in several places', () => {
  const known = new Set(['slumdog', 'slum', 'dog', 'mill', 'air']);
  assert.deepEqual(anchors('slumdogmilionare', known), ['slumdog']);
  assert.deepEqual(anchors('xmillslumx', known), ['mill', 'slum']);
  const near = (word: string): string[] => (word === 'futkure' ? ['future'] : []);
  assert.deepEqual(nearAnchors(halves('tothefutkure'), near), ['future']);
});

test('counts missing, extra, wrong and swapped letters as one typing error each', () => {
  for (const [a, b, errors] of [
    ['alien', 'alien', 0],
    ['alien', 'aline', 1],
    ['alien', 'alen', 1],
    ['alien', 'allien', 1],
    ['alien', 'amien', 1],
    ['labirynth', 'labyrinth', 2],
    ['abc', 'xyz', 3],
  ] as const) {
    assert.equal(errorsBetween(a, b, 3), errors, `${a} ${b}`);
  }
  assert.ok(errorsBetween('night', 'something', 2) > 2);
  assert.equal(nearness('1984', '1994'), 0);
  // Too many different letters: ruled out without counting errors.
  assert.equal(nearness('night', 'blush'), 0);
  assert.ok(nearness('абвгд', 'абвгж') > 0.7);
  assert.ok(nearness('night', 'knight') > nearness('night', 'fright'));
  assert.deepEqual(variants('abc'), ['bc', 'ac', 'ab']);
  assert.deepEqual(variants('1984'), []);
});

test('words of the same sounds are similar although most of their letters differ', () => {
  for (const [typed, word] of [
    ['dunkerque', 'dunkirk'],
    ['kwentin', 'quentin'],
    ['mcconohey', 'mcconaughey'],
    ['kazablanka', 'casablanca'],
    ['twilite', 'twilight'],
    ['preshus', 'precious'],
    ['incepshun', 'inception'],
    ['vilenev', 'villeneuve'],
    ['jango', 'django'],
    ['pyshco', 'psycho'],
    ['physco', 'psycho'],
    ['dixon', 'dickson'],
    ['dickson', 'dixon'],
    ['maksim', 'maxim'],
  ] as const) {
    assert.ok(soundAlike(typed, word), `${typed} ${word}`);
    assert.equal(soundsOf(typed), soundsOf(word));
    assert.ok(nearnessBySound(typed, word) > 0.5, `${typed} ${word}`);
  }
  for (const [typed, word] of [
    ['parasite', 'paradise'],
    ['gladiator', 'glad'],
    ['alien', 'elena'],
    ['10000', '1000'],
    ['matrix', 'matrik'],
    // Longer than any word that is compared.
    ['ma'.repeat(16), `${'ma'.repeat(15)}mo`],
  ] as const) {
    assert.equal(nearnessBySound(typed, word), 0, `${typed} ${word}`);
  }
  assert.ok(nearnessBySound('barby', 'barbie') > nearness('barby', 'barry'));
  // The sounds of short words say too little.
  assert.equal(nearnessBySound('moon', 'mine'), 0);
  assert.deepEqual(soundKeys('сталкер'), []);
});

test('words of the same pronunciation have the same sounds including vowels', () => {
  for (const [typed, word] of [
    ['koko', 'coco'],
    ['doon', 'dune'],
    ['lite', 'light'],
    ['wane', 'wayne'],
    ['loosy', 'lucy'],
    ['syko', 'psycho'],
    ['pearcer', 'piercer'],
    ['jauz', 'jaws'],
    ['li', 'lee'],
    ['blew', 'blue'],
  ] as const) {
    assert.equal(pronunciation(typed), pronunciation(word), `${typed} ${word}`);
  }
  assert.ok(nearnessBySound('koko', 'coco') > 0.6, 'also short words');
  // Two sounds say too little of longer words.
  assert.equal(nearnessBySound('heay', 'high'), 0);
});

test('words of the same sounds or the same letters share a key', () => {
  assert.deepEqual(soundKeys('prestige'), ['~prstj', '=prestij', '^eegiprst']);
  assert.equal(soundKeys('erpstige').at(-1), '^eegiprst');
});

test('splits a number from the word before it', () => {
  for (const [q, keys] of [
    ['godfather2', 'godfather 2'],
    ['bladerunner2049', 'bladerunner 2049'],
    ['12angrymen', '12angrymen'],
    ['t2 se7en 90s', 't2 se7en 90s'],
  ]) {
    assert.equal(
      understand(q as string)
        .terms.map(({ key }) => key)
        .join(' '),
      keys,
    );
  }
});

test('does not split a number from its word if a word of the catalogue starts with both', () => {
  const texts = (q: string) => understand(q, (word) => 'thx1138'.startsWith(word)).terms.map(({ text }) => text);
  assert.deepEqual(texts('THX11'), ['thx11']);
  assert.deepEqual(texts('thx1138 alien3'), ['thx1138', 'alien', '3']);
});

test('recognizes years, decades and genres', () => {
  const [matrix, year] = understand('Matrix (1999)').terms;
  assert.deepEqual([matrix?.years, year?.years], [undefined, [1999, 1999]]);
  assert.deepEqual(
    understand('80s 1990s').terms.map(({ years }) => years),
    [
      [1980, 1989],
      [1990, 1999],
    ],
  );
  assert.deepEqual(
    understand('sci-fi comedies').terms.map(({ genres }) => genres),
    [['scifi'], ['comedy']],
  );
  assert.deepEqual(understand('thrillers').terms[0]?.genres, ['thrillers', 'thriller']);
  assert.equal(understand('word '.repeat(100)).terms.length, 12);
});

test('"et" means "and" between two words, and is the film elsewhere', () => {
  const weightIn = (text: string) => understand(text).terms.find((term) => term.text === 'et')?.weight;
  assert.deepEqual(['thelma et louise', 'et', 'et phone home', 'spielberg et'].map(weightIn), [0.15, 1, 1, 1]);
});

test('a word similar to "the" is an article unless a word of the catalogue starts with it', () => {
  const weights = (q: string) => understand(q, (word) => 'thief'.startsWith(word)).terms.map(({ weight }) => weight);
  assert.deepEqual(weights('thae thie theme'), [0.15, 1, 1]);
});
