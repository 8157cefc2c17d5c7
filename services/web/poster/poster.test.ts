import assert from 'node:assert/strict';
import { test } from 'vitest';
import { drawPoster, posterGenre } from './poster.ts';
import { fitTitle, isRightToLeft } from './title.ts';

test('draws the same poster for the same film and different posters for different films', () => {
  const film = { title: 'Alien', genre: 'Horror', year: 1979 };
  assert.equal(drawPoster(film), drawPoster({ ...film }));
  assert.notEqual(drawPoster(film), drawPoster({ ...film, title: 'Aliens' }));
});

test('chooses the most distinctive genre', () => {
  assert.equal(posterGenre(['Drama', 'Sci-Fi']), 'Sci-Fi');
  assert.equal(posterGenre(['drama', 'comedy']), 'comedy');
  assert.equal(posterGenre(['Mumblecore']), 'Mumblecore');
  assert.equal(posterGenre([]), '');
});

test('escapes a hostile title and removes characters that XML cannot contain', () => {
  const svg = drawPoster({
    title: '</text><script>alert("x")</script>&\u0000\u0007\ud800',
    genre: '__proto__',
    year: null,
  });
  assert.ok(!svg.includes('<script'));
  assert.ok(svg.includes('&lt;script&gt;'));
  assert.ok(![...svg].some((sign) => sign < ' '));
  assert.ok(svg.isWellFormed());
});

test('sets titles as large as they fit', () => {
  assert.deepEqual(fitTitle('Up', 256, 142).lines, ['Up']);
  const long = fitTitle('word '.repeat(60), 256, 142);
  assert.ok(long.size < fitTitle('Up', 256, 142).size);
  assert.ok(long.lines.length <= 8);
  assert.ok(long.lines.at(-1)?.endsWith('…'));
  assert.ok(fitTitle('W'.repeat(300), 256, 142).lines.length > 1, 'splits a word that is longer than a line');
  assert.deepEqual(fitTitle('', 256, 142).lines, []);
});

test('takes the text direction from the first letter', () => {
  assert.ok(isRightToLeft('«ملك الصحراء» (2001)'));
  assert.ok(!isRightToLeft('2001: A Space Odyssey'));
});
