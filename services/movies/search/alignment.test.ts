import assert from 'node:assert/strict';
import { test } from 'vitest';
import { align } from './alignment.ts';
import { termsOf } from './terms.ts';

const found = (q: string, title: string): (string | undefined)[] =>
  align(termsOf(q), termsOf(title), 'title', title).map((hit) => hit?.word);

test('a mistyped word matches without the articles that follow it', () => {
  assert.deepEqual(found('guardins galxy', 'Guardians of the Galaxy'), ['guardians', 'galaxy']);
  assert.deepEqual(found('guardiansgalaxy', 'Guardians of the Galaxy'), ['guardians of the galaxy']);
});

test('does not match "the" with an extra letter, but matches a longer mistyped stop word', () => {
  assert.deepEqual(found('thie', 'The'), [undefined]);
  assert.deepEqual(found('abot tme', 'About Time'), ['about', 'time']);
});

test('matches a name typed as one word and misspelled by sound', () => {
  assert.deepEqual(found('robert dinero', 'Robert De Niro'), ['robert', 'de niro']);
});

test('does not join words with many articles between them', () => {
  assert.deepEqual(found('guardiansgalaxy', `Guardians ${'a '.repeat(30)} Galaxy`), [undefined]);
});

test('matches the beginning of a word with one word, not with two', () => {
  assert.deepEqual(found('scarlet johanson', 'Scarlett Johansson'), ['scarlett', 'johansson']);
});
