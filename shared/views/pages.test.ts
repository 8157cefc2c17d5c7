import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Pages } from './pages.ts';

test('a page is made once until a row has changed', () => {
  const pages = new Pages();
  let made = 0;
  const page = (key: string): string => pages.page(key, () => `${key} ${++made}`);
  assert.equal(page('a'), 'a 1');
  assert.equal(page('a'), 'a 1');
  assert.equal(page('b'), 'b 2');
  pages.clear();
  assert.equal(page('a'), 'a 3');
  assert.equal(page('a'), 'a 3');
});

test('a page that cannot be made is not kept', () => {
  const pages = new Pages();
  assert.throws(() => pages.page('a', () => JSON.parse('{')), SyntaxError);
  assert.equal(
    pages.page('a', () => 'made'),
    'made',
  );
});

test('pages do not grow without bound', () => {
  const pages = new Pages();
  const large = 'x'.repeat(1_500_000);
  let made = 0;
  const make = (): string => {
    made++;
    return large;
  };
  for (const key of ['a', 'b', 'c']) pages.page(key, make);
  pages.page('a', make);
  assert.equal(made, 4, 'the third page did not fit beside the first two');
});
