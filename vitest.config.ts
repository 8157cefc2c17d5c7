/** `npm test`: which tests there are, and how each kind is run. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{docs,services,shared,seed,streams,deploy,tests}/**/*.test.ts'],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
