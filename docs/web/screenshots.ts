/** `npm run web:screenshots`: retakes the screenshots of the main pages, from a new system with the shipped films. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { runSeed } from '../../seed/seed.ts';
import { readArguments } from '../../shared/process/command-line.ts';
import { newVisitor, signIn } from '../../tests/browser.ts';
import { startBrowser, withoutBrowser } from '../../tests/chromium.ts';
import { get, post, startSystem, until } from '../../tests/harness.ts';

readArguments({
  usage: `Usage: npm run web:screenshots

Starts a new system with the shipped films, and retakes the screenshots in docs/web. Needs Chromium and two minutes.`,
});

const here = import.meta.dirname;
const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };

/** Each page, with the colour schemes and window sizes in which it is shown. */
const shots: [name: string, path: string, ...views: ['light' | 'dark', typeof wide][]][] = [
  ['home', '/', ['light', wide], ['dark', narrow]],
  ['film', '/film/3', ['dark', wide], ['light', narrow]],
  ['search', '/browse?q=godfather', ['light', wide], ['dark', narrow]],
  ['rankings', '/rankings?by=likes', ['light', wide], ['dark', narrow]],
  ['my-list', '/my-list', ['dark', wide], ['light', narrow]],
  ['help', '/help', ['light', narrow]],
  ['desk', '/desk', ['light', wide]],
  ['status', '/status', ['dark', wide], ['light', narrow]],
];

/** Creates likes, reminders and tickets, so that the pages look used. */
async function fill(url: string): Promise<void> {
  for (const [index, movieId] of [3, 1, 22, 14, 47, 9, 30].entries()) {
    for (let voter = 0; voter < 24 - index * 3; voter++) {
      await post(`${url}/votes/${movieId}/like`, {}, { 'x-user-id': `viewer-${voter}` });
    }
  }
  const at = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();
  await post(`${url}/reminder/alice/14`, { remindAt: at(26) });
  await post(`${url}/reminder/alice/3`, { remindAt: at(150) });
  await post(`${url}/reminder/alice/30`, {});
  await post(`${url}/watched/alice/9`, {});
  for (const message of [
    'The sound stops after ten minutes.',
    'No subtitles in German.',
    'How do I change my time zone?',
  ]) {
    await post(`${url}/support/alice`, { message });
  }
  const orders = async () => (await get<{ items: { orderId: string }[] }>(`${url}/orders`)).body.items;
  await until(async () => (await orders()).length === 3, 'an order for each ticket');
  const [, second, third] = await orders();
  await post(`${url}/orders/${second?.orderId}/assign`, { assignee: 'Robin' });
  await post(`${url}/orders/${third?.orderId}/resolve`, { resolution: 'Replaced the file.' });
}

/** Points that each plot of the status page must have. A new one is added every five seconds. */
const minPoints = 14;

/** Sends requests until the status page has something to plot. The page has to be open, or it does not measure. */
async function simulateTraffic(browser: Browser, url: string): Promise<void> {
  console.log('sending requests for a minute, for the plots of the status page');
  const { page } = await newVisitor(browser, url, { javaScriptEnabled: false });
  const plotted = async (): Promise<number> => {
    await page.goto('/status');
    const line = await page.locator('.plot-line').first().getAttribute('d');
    return line?.match(/[ML]/g)?.length ?? 0;
  };
  const paths = ['/', '/film/3', '/film/22', '/rankings', '/browse?q=love', '/ranking/genre/drama', '/movies/14'];
  for (let round = 0; (await plotted()) < minPoints; round++) {
    const visitors = 6 + Math.round(5 * Math.sin(round / 4));
    const visits = Array.from({ length: visitors }, async (_, visitor) => {
      const headers = { 'x-user-id': `viewer-${visitor}` };
      const watched = await post(`${url}/watched/viewer-${visitor}/${(round % 40) + 1}`, {}, headers);
      const voted = await post(`${url}/votes/${(round % 40) + 1}/like`, {}, headers);
      const read = await fetch(url + paths[(round + visitor) % paths.length], {
        headers: { accept: 'text/html, */*' },
      });
      if (watched.status >= 400 || voted.status >= 400 || !read.ok) throw new Error('a visit failed');
    });
    await Promise.all(visits);
    if (round % 3 === 0) await post(`${url}/support/viewer-0`, { message: 'The picture is dark.' });
  }
  await page.context().close();
}

async function shoot(browser: Browser, url: string): Promise<void> {
  const { page } = await newVisitor(browser, url);
  await signIn(page, 'alice');
  const storageState = await page.context().storageState();
  for (const [name, path, ...views] of shots) {
    if (name === 'status') await simulateTraffic(browser, url);
    for (const [colorScheme, viewport] of views) {
      const visitor = await newVisitor(browser, url, { storageState, colorScheme, viewport });
      await visitor.page.goto(path);
      await visitor.page.waitForFunction(() =>
        [...document.images].every((image) => image.complete || image.loading === 'lazy'),
      );
      const file = `${name}-${colorScheme}-${viewport === wide ? 'wide' : 'narrow'}.jpg`;
      await visitor.page.screenshot({ path: join(here, file), type: 'jpeg', quality: 82 });
      console.log(`wrote docs/web/${file}`);
      await visitor.page.context().close();
    }
  }
}

if (withoutBrowser) throw new Error(withoutBrowser);
mkdirSync(here, { recursive: true });
await using system = await startSystem({ ownBroker: true });
const [gateway] = await system.start('gateway', 'movies', 'ranking', 'reminder', 'support', 'technical-support');
await runSeed({
  csv: join(here, '../../seed/movies.csv'),
  rejectsFile: join(system.folder, 'rejects.csv'),
  connection: system.connection,
  say: console.log,
});
await fill(gateway.url);
const browser = await startBrowser();
try {
  await shoot(browser, gateway.url);
} finally {
  await browser.close();
}
