import assert from 'node:assert/strict';
import { test } from 'vitest';
import { fold, isVisible } from './text.ts';

test('case, accents and ligatures are folded away', () => {
  const folded = {
    Amélie: 'amelie',
    'AME\u0301LIE': 'amelie',
    'Léon: The Professional': 'leon: the professional',
    'Smørrebrød Łódź': 'smorrebrod lodz',
    'Straße ÆON œuvre': 'strasse aeon oeuvre',
    ﬁlm: 'film',
    '２００１': '2001',
    'İstanbul ısı': 'istanbul isi',
    七人の侍: '七人の侍',
  };
  for (const [text, expected] of Object.entries(folded)) assert.equal(fold(text), expected);
});

test('folding twice is folding once', () => {
  for (const text of ['Ⅷ', 'ǅ', 'Å', 'ẞ', '½', 'K', 'Þórr', 'ΣΑΣ']) assert.equal(fold(fold(text)), fold(text), text);
});

test('a text of nothing that can be seen is told from one sign', () => {
  const zeroWidth = ['\u200b', '\u200d\ufeff', '\u2060'];
  const marks = ['\u202e\u2066', '\u0301', '\ufe0f', '\u00ad', '\u0000'];
  const blanks = ['', ' ', '\u00a0', '\u3000', '\u2028', '\u115f', '\u3164', '\uffa0', '\u2800'];
  for (const text of [...zeroWidth, ...marks, ...blanks]) {
    assert.equal(isVisible(text), false, JSON.stringify(text));
    assert.equal(isVisible(`${text}a${text}`), true, JSON.stringify(text));
  }
  for (const text of ['M', '7', '!', '…', '€', '❤️', '👩‍🚀', 'é', 'א', '한', '千', '\u{1fae9}']) {
    assert.equal(isVisible(text), true, text);
  }
});
