import assert from 'node:assert/strict';
import { test } from 'vitest';
import { pathsOf } from './plot.tsx';

test('leaves a gap for a null in the line and in the area, and draws a single value as a dot', () => {
  assert.deepEqual(pathsOf([4, 0, null, 4], 4), {
    line: 'M0 4L80 46h0M240 4h0',
    area: 'M0 4L80 46V48H0ZM240 4V48H240Z',
  });
});
