import assert from 'node:assert/strict';
import { afterEach, test, vi } from 'vitest';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('stops polling when the refreshed part no longer asks for it', async () => {
  vi.useFakeTimers();
  const running = { id: 'import', dataset: { poll: '1000' } };
  const done = { id: 'import', dataset: {} };
  let shown: typeof running | typeof done = running;
  vi.stubGlobal('location', { href: 'http://localhost/import/1' });
  vi.stubGlobal('document', {
    hidden: false,
    getElementById: (id: string) => (id === shown.id ? shown : null),
    querySelector: (selector: string) => (selector === '#import' ? shown : null),
    // Nothing to replace: the responses are not parsed.
    querySelectorAll: (selector: string) => (selector === '[data-poll]' ? [shown] : []),
  });
  const fetched = vi.fn(() => Promise.resolve(new Response(null, { status: 500 })));
  vi.stubGlobal('fetch', fetched);
  const { watchPolled } = await import('./swap.ts');
  watchPolled();
  await vi.advanceTimersByTimeAsync(2500);
  assert.equal(fetched.mock.calls.length, 2);
  shown = done;
  await vi.advanceTimersByTimeAsync(10_000);
  assert.equal(fetched.mock.calls.length, 3, 'the request that was already scheduled');
});
