import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Progress } from './progress.ts';

function shown(isTerminal: boolean, columns = 80) {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  return { progress: new Progress({ isTerminal, columns, write }, 1000), written: () => written };
}

test('draws a bar that fits the terminal and is cleared', () => {
  const { progress, written } = shown(true, 20);
  progress.update(500, 1234);
  assert.match(written(), /^\r█+/);
  for (const line of written().split('\r').slice(1)) assert.ok(line.replace('\x1b[K', '').length < 20);
  progress.clear();
  assert.ok(written().endsWith('\r\x1b[K'));
});

test('writes no control characters without a terminal, and nothing for a short run', () => {
  const { progress, written } = shown(false);
  progress.update(500, 10);
  progress.clear();
  assert.equal(written(), '');
});
