import assert from 'node:assert/strict';
import { test } from 'vitest';
import { drawPoster, posterGenre } from './poster.ts';
import { fitTitle, isRightToLeft } from './title.ts';

test('the same film has the same poster, another film another one', () => {
  const film = { title: 'Alien', genre: 'Horror', year: 1979 };
  assert.equal(drawPoster(film), drawPoster({ ...film }));
  assert.notEqual(drawPoster(film), drawPoster({ ...film, title: 'Aliens' }));
});

test('what a poster shows is the genre that says most', () => {
  assert.equal(posterGenre(['Drama', 'Sci-Fi']), 'Sci-Fi');
  assert.equal(posterGenre(['drama', 'comedy']), 'comedy');
  assert.equal(posterGenre(['Mumblecore']), 'Mumblecore');
  assert.equal(posterGenre([]), '');
});

test('a hostile title is text, and signs that XML cannot hold are left out', () => {
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

test('titles are as large as they fit', () => {
  assert.deepEqual(fitTitle('Up', 256, 142).lines, ['Up']);
  const long = fitTitle('word '.repeat(60), 256, 142);
  assert.ok(long.size < fitTitle('Up', 256, 142).size);
  assert.ok(long.lines.length <= 8);
  assert.ok(long.lines.at(-1)?.endsWith('…'));
  assert.ok(fitTitle('W'.repeat(300), 256, 142).lines.length > 1, 'a word longer than a line is cut');
  assert.deepEqual(fitTitle('', 256, 142).lines, []);
});

test('the first letter decides the direction', () => {
  assert.ok(isRightToLeft('«ملك الصحراء» (2001)'));
  assert.ok(!isRightToLeft('2001: A Space Odyssey'));
});
