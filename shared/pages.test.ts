import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pages } from './pages.ts';

test('a page is made once until a transaction has changed something', () => {
  const pages = new Pages();
  let made = 0;
  const make = (): string => `page ${++made}`;
  assert.equal(pages.get('a', make), 'page 1');
  assert.equal(pages.get('a', make), 'page 1');
  assert.equal(pages.get('b', make), 'page 2');
  let finished = 0;
  const projection = pages.clearedBy({
    stream: 'S',
    filter: 's.>',
    events: [],
    apply: () => {},
    finish: () => {
      finished++;
    },
  });
  projection.finish?.();
  assert.equal(finished, 1);
  assert.equal(pages.get('a', make), 'page 3');
});

test('pages do not grow without bound', () => {
  const pages = new Pages();
  const large = 'x'.repeat(1_500_000);
  let made = 0;
  const make = (): string => {
    made++;
    return large;
  };
  for (const key of ['a', 'b', 'c']) pages.get(key, make);
  pages.get('a', make);
  assert.equal(made, 4, 'the third page did not fit beside the first two');
});
