import assert from 'node:assert/strict';
import { test } from 'vitest';
import { siteProblems } from './site-links.ts';

test('names sites whose clock differs by more than ten seconds, and what to do', () => {
  const [sentence, ...others] = siteProblems({ clocks: { edge1: 86_400_000, edge2: -3000 }, copies: [] });
  assert.match(sentence ?? '', /^The clock of edge1 is 86400 s ahead of this site's: .* \(timedatectl\)$/);
  assert.deepEqual(others, []);
  assert.match(siteProblems({ clocks: { edge2: -60_000 }, copies: [] })[0] ?? '', /edge2 is 60 s behind/);
});
