import assert from 'node:assert/strict';
import { test } from 'vitest';
import { fold } from './fold.ts';

test('folds case, accents, ligatures and width', () => {
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

test('folding is idempotent', () => {
  for (const text of ['Ⅷ', 'ǅ', 'Å', 'ẞ', '½', 'K', 'Þórr', 'ΣΑΣ']) assert.equal(fold(fold(text)), fold(text), text);
});
