import assert from 'node:assert/strict';
import { test } from 'vitest';
import { align } from './alignment.ts';
import { termsOf } from './terms.ts';

const found = (q: string, title: string): (string | undefined)[] =>
  align(termsOf(q), termsOf(title), 'title', title).map((hit) => hit?.word);

test('a mistyped word is that word without the articles behind it', () => {
  assert.deepEqual(found('guardins galxy', 'Guardians of the Galaxy'), ['guardians', 'galaxy']);
  assert.deepEqual(found('guardiansgalaxy', 'Guardians of the Galaxy'), ['guardians of the galaxy']);
});

test('an article with a letter too many is none, a longer word of the kind is one', () => {
  assert.deepEqual(found('thie', 'The'), [undefined]);
  assert.deepEqual(found('abot tme', 'About Time'), ['about', 'time']);
});

test('a name as one word may be mistyped as it sounds', () => {
  assert.deepEqual(found('robert dinero', 'Robert De Niro'), ['robert', 'de niro']);
});

test('words with many articles between them are not looked at as one', () => {
  assert.deepEqual(found('guardiansgalaxy', `Guardians ${'a '.repeat(30)} Galaxy`), [undefined]);
});

test('the beginning of a word is that word, and not two', () => {
  assert.deepEqual(found('scarlet johanson', 'Scarlett Johansson'), ['scarlett', 'johansson']);
});
