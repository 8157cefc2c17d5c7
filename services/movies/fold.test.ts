import assert from 'node:assert/strict';
import { test } from 'vitest';
import { fold } from './fold.ts';

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
