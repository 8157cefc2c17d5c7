/** Adds the conditions that a failed test was waiting for to its error message. */
import { beforeEach } from 'vitest';
import { waitingFor } from './until.ts';

beforeEach(({ onTestFailed }) => {
  onTestFailed(({ task }) => {
    const waits = waitingFor();
    for (const error of task.result?.errors ?? []) {
      if (waits.length > 0) error.message += `\nPending waits:\n  ${waits.join('\n  ')}`;
    }
  });
});
