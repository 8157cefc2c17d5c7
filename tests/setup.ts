/** A test that runs into its limit tells what it waited for. */
import { beforeEach } from 'vitest';
import { waitingFor } from './until.ts';

beforeEach(({ onTestFailed }) => {
  onTestFailed(({ task }) => {
    const waits = waitingFor();
    for (const error of task.result?.errors ?? []) {
      if (waits.length > 0) error.message += `\nAt that time it had\n  ${waits.join('\n  ')}`;
    }
  });
});
