/** Pages served from the bundle, as by `npm start` and the image: their script runs, and they are small. */
import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import type { Page, Request } from 'playwright-core';
import { test } from 'vitest';
import { runSeed } from '../seed/seed.ts';
import { newVisitor } from './browser.ts';
import { startBrowser, withoutBrowser } from './chromium.ts';
import { startSystem, until } from './harness.ts';

/** Limit in bytes sent over the network. */
const most = { page: 40_000, scripts: 15_000 };

/** Returns the bytes of a page and everything on its first view, with an empty cache. */
async function weigh(page: Page, path: string): Promise<{ page: number; scripts: number }> {
  const loaded: Promise<[type: string, bytes: number]>[] = [];
  const note = (request: Request): void => {
    loaded.push(request.sizes().then((sizes) => [request.resourceType(), sizes.responseBodySize]));
  };
  page.on('requestfinished', note);
  await page.goto(path, { waitUntil: 'load' });
  await page.waitForFunction(() =>
    [...document.images].every(({ complete, loading }) => complete || loading === 'lazy'),
  );
  // Later requests are not part of the first view, and may be aborted when the page closes.
  page.off('requestfinished', note);
  const parts = await Promise.all(loaded);
  const sum = (those: [string, number][]): number => those.reduce((total, [, bytes]) => total + bytes, 0);
  return { page: sum(parts), scripts: sum(parts.filter(([type]) => type === 'script')) };
}

test('the first view of each page is small, and its script runs', { skip: withoutBrowser !== false }, async () => {
  await using system = await startSystem();
  await system.start('movies', 'ranking', 'reminder', 'support', 'technical-support');
  const gateway = await system.spawn('gateway');
  await runSeed({
    csv: resolve(import.meta.dirname, '../seed/movies.csv'),
    rejectsFile: join(system.folder, 'rejects.csv'),
    connection: system.connection,
    say: () => {},
  });
  await until(
    async () => (await (await fetch(`${gateway.url}/rankings`)).text()).includes('/film/'),
    'films with ranks',
  );
  const browser = await startBrowser();
  try {
    for (const path of ['/', '/film/3', '/browse', '/browse?q=godfather']) {
      const { page, complaints } = await newVisitor(browser, gateway.url);
      const weight = await weigh(page, path);
      assert.ok(weight.page <= most.page, `${path} weighs ${weight.page} bytes`);
      assert.ok(weight.scripts > 0 && weight.scripts <= most.scripts, `its scripts weigh ${weight.scripts} bytes`);
      await page.getByRole('combobox', { name: 'Search films' }).waitFor();
      assert.deepEqual(complaints, []);
      await page.context().close();
    }
  } finally {
    await browser.close();
  }
});
