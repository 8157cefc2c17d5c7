/** Helpers for tests of the web pages in a real browser. */
import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/**
 * Opens a page in a browser context of its own, and collects its errors and its requests to other hosts. Animations are
 * off by default, because without a graphics card they take seconds of processor time.
 */
export async function newVisitor(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const usual: BrowserContextOptions = { locale: 'en', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce' };
  const context = await browser.newContext({ baseURL: url, ...usual, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.push(`request to another host: ${request.url()}`);
  });
  return { page, complaints };
}

/** Signs in with the form under a name. */
export async function signIn(page: Page, name: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.locator('.me').waitFor();
}

/** Opens a page with live updates, and waits until it receives them. */
export async function openLive(page: Page, path: string): Promise<void> {
  await Promise.all([page.waitForResponse('**/live?*'), page.goto(path)]);
}

/** Asserts that axe-core finds no violation, and that the page is not wider than the window. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // Evaluated through the debugger, to which the pages' content security policy does not apply.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const scope = globalThis as unknown as { axe: typeof axe };
    const { violations } = await scope.axe.run({ resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  });
  assert.deepEqual(found, [], what);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${what} is ${overflow} px too wide`);
}
