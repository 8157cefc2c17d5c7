/** The pages in a real browser: visitors with pages of their own, and what is wrong with a page for people who cannot see it. */
import assert from 'node:assert/strict';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/**
 * A page of a visitor who has nothing of others, and what it complained of. Nothing moves on it unless that is asked
 * for: without a graphics card that takes seconds of a processor.
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
    if (!request.url().startsWith(url)) complaints.push(`it asks ${request.url()}`);
  });
  return { page, complaints };
}

/** Signs in by the form, as somebody of a name. */
export async function signIn(page: Page, name: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.locator('.me').waitFor();
}

/** Opens a page that moves by itself, and waits until it hears of what happens. */
export async function openLive(page: Page, path: string): Promise<void> {
  await Promise.all([page.waitForResponse('**/live?*'), page.goto(path)]);
}

/** Asserts that axe-core finds nothing, and that nothing is wider than the window. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // By the debugger, which the policy of the pages does not bind.
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
