import assert from 'node:assert/strict';
import { test } from 'vitest';
import { visibleText } from './fields.ts';

const isVisible = (text: string): boolean => visibleText(100).safeParse(text).success;

test('requires at least one visible character', () => {
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
