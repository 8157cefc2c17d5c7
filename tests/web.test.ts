/** Tests of the pages in a real browser. */
import assert from 'node:assert/strict';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, test } from 'vitest';
import { films } from '../services/web/testing.ts';
import { assertAccessible, newVisitor, openLive, signIn } from './browser.ts';
import { startBrowser, withoutBrowser } from './chromium.ts';
import { post, remindSoon, startSystem, until } from './harness.ts';

const withBrowser = { skip: withoutBrowser !== false };
const services = ['gateway', 'movies', 'ranking', 'reminder', 'support', 'technical-support'];
let browser: Browser;
/** One system for all tests. Each has its own users. Tests that need empty lists come before those that fill them. */
let site: Awaited<ReturnType<typeof openSite>>;
beforeAll(async () => {
  if (withBrowser.skip) return;
  [browser, site] = await Promise.all([startBrowser(), openSite()]);
});
afterAll(async () => {
  await browser?.close();
  await site?.system[Symbol.asyncDispose]();
});

/** Starts a system with a few films. */
async function openSite() {
  const system = await startSystem();
  const [gateway, ...others] = await system.start(...services);
  const url = gateway?.url ?? '';
  for (const film of films) assert.equal((await post(`${url}/movies`, film)).status, 201);
  await until(
    async () => (await (await fetch(`${url}/rankings`)).text()).includes('/film/4'),
    'the films to be ranked',
  );
  return { system, url, others };
}

test('an agent sees a new order, takes it and resolves it, and the viewer sees the answer', withBrowser, async () => {
  const [viewer, agent] = await Promise.all([newVisitor(browser, site.url), newVisitor(browser, site.url)]);
  await Promise.all([signIn(viewer.page, 'fay'), signIn(agent.page, 'Robin')]);
  await agent.page.goto('/desk');
  await agent.page.getByText('No orders here.').waitFor();
  await viewer.page.goto('/help');
  await viewer.page.getByLabel('What happened?').fill('<i>No</i> sound.');
  await viewer.page.getByRole('button', { name: 'Send' }).click();
  const order = agent.page.locator('.order', { hasText: '<i>No</i> sound.' });
  await order.getByRole('button', { name: 'Assign to me' }).click();
  await order.getByText('assigned to Robin').waitFor();
  await viewer.page.getByText('Robin is working on it').waitFor();
  await order.locator('summary').click();
  await order.getByLabel('Answer to the viewer').fill('Replaced the file.');
  await assertAccessible(agent.page, '/desk');
  await order.getByRole('button', { name: 'Resolve' }).click();
  await viewer.page.getByText('Replaced the file.').waitFor();
  await agent.page.getByRole('link', { name: 'Waiting' }).click();
  await agent.page.getByText('No orders here.').waitFor();
  assert.deepEqual([viewer.complaints, agent.complaints], [[], []]);
});

test(
  'a viewer gets suggestions, likes, sets reminders, marks as watched and asks for help; another sees the likes change live',
  withBrowser,
  async () => {
    const moves: BrowserContextOptions = { reducedMotion: 'no-preference' };
    const [alice, bob] = await Promise.all([newVisitor(browser, site.url, moves), newVisitor(browser, site.url)]);
    await Promise.all([signIn(alice.page, 'alice'), signIn(bob.page, 'José 😀')]);
    const { page } = alice;
    await page.locator('.me').click();
    assert.equal(await page.getByLabel('Time zone').inputValue(), 'Europe/Berlin', 'the zone of the browser');

    const field = page.getByRole('combobox', { name: 'Search films' });
    await field.pressSequentially('blad');
    await page.getByRole('option', { name: 'Blade Runner' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('listbox').waitFor({ state: 'hidden' });
    assert.equal(await field.inputValue(), 'blad', 'Escape keeps the input');
    await field.pressSequentially('e');
    await page.getByRole('option', { name: 'Blade Runner' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/film/2');

    await openLive(bob.page, '/film/2');
    await bob.page.getByText('0 likes').waitFor();
    await page.getByRole('button', { name: 'Like', exact: true }).click();
    await page.getByRole('button', { name: 'Remove like' }).waitFor();
    await bob.page.getByText('1 like', { exact: true }).waitFor();
    await bob.page.getByRole('button', { name: 'Like', exact: true }).click();
    await page.getByText('2 likes').waitFor();

    await page.getByText('Remind me', { exact: true }).click();
    await page.getByRole('button', { name: 'In a week, 20:00' }).click();
    const reminded = page.getByText('On your list');
    await reminded.waitFor();
    assert.ok(await reminded.evaluate((one) => one === document.activeElement), 'keeps the focus');
    await openLive(page, '/my-list');
    await page.getByRole('heading', { name: 'Coming up' }).waitFor();
    assert.match(
      (await page.locator('.entries').first().textContent()) ?? '',
      /20:00/,
      'shows the time in the zone of the browser',
    );

    // The reminder becomes due while the page is open: a notice appears and the list changes.
    await remindSoon(`${site.url}/reminder/alice/1`);
    await page.getByRole('link', { name: 'Time to watch Alien' }).waitFor();
    await page.getByRole('heading', { name: 'Time to watch' }).waitFor();
    await page.locator('.entries li', { hasText: 'Alien' }).getByRole('button', { name: 'Mark as watched' }).click();
    const heading = page.getByRole('heading', { name: 'Watched', exact: true });
    await page.locator('.group', { has: heading }).getByRole('link', { name: 'Alien' }).waitFor();

    await page.goto('/help');
    await page.getByLabel('What happened?').fill('No sound after ten minutes.');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.steps [aria-current]', { hasText: 'In the queue' }).waitFor();
    assert.deepEqual([alice.complaints, bob.complaints], [[], []]);
  },
);

test('an administrator imports a dropped file of films, edits one, and drops a dead letter', withBrowser, async () => {
  const { page, complaints } = await newVisitor(browser, site.url);
  await signIn(page, 'root');
  await page.goto('/status');
  await page.getByText('Everything is working.').waitFor();
  await page.getByRole('link', { name: 'Import films' }).click();
  await page.locator('form[data-drop]').waitFor();
  // The script handles the drop, so it has to be loaded.
  await page.waitForLoadState('load');
  const rows = [
    'Rank,Title,Genre,Description,Director,Actors,Year,Runtime (Minutes),Rating,Votes,Revenue (Millions),Metascore',
    '901,Solaris,Sci-Fi,An ocean thinks,Andrei Tarkovsky,Donatas Banionis,1972,166,8.0,90,,93',
    '902,,Drama,,Nobody,,1979,,,,,',
  ];
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], 'films.csv', { type: 'text/csv' }));
    return transfer;
  }, rows.join('\n'));
  await page.dispatchEvent('form[data-drop]', 'drop', { dataTransfer: dropped });
  await page.getByRole('heading', { name: 'films.csv' }).waitFor();
  await page.getByText('Andrei Tarkovsky').waitFor();
  await assertAccessible(page, 'the preview of an import');
  await page.getByRole('button', { name: 'Import these films' }).click();
  await page.getByText('Done').waitFor();
  await assertAccessible(page, 'a finished import');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download the rejected rows' }).click();
  assert.equal((await download).suggestedFilename(), 'films.rejects.csv');

  await page.goto('/browse?q=solaris');
  await page.getByRole('link', { name: 'Solaris' }).click();
  await page.getByRole('link', { name: 'Edit' }).click();
  await page.getByLabel('Running time in minutes').fill('167');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('2 h 47 min').waitFor();

  await site.system.publish('catalogue.hub.movie.77', 'not JSON');
  await until(async () => (await site.system.deadLetters()).length === 3, 'the dead letter of each view');
  await page.goto('/status');
  const link = page.getByRole('link', { name: 'Dead letters: 3' });
  await link.click();
  await page.locator('.tickets a').first().click();
  await assertAccessible(page, 'a dead letter');
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('button', { name: 'Drop' }).click();
  await answered;
  await page.goto('/status');
  await page.getByRole('link', { name: 'Dead letters: 2' }).waitFor();
  assert.deepEqual(complaints, []);
});

test('everything works without scripts, by links and forms', withBrowser, async () => {
  const { page, complaints } = await newVisitor(browser, site.url, { javaScriptEnabled: false });
  await page.goto('/film/1');
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByLabel('Your name').fill('carol');
  await page.getByLabel('Time zone').selectOption('Europe/Berlin');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL('**/film/1');
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByText('1 like', { exact: true }).waitFor();
  await page.getByText('Remind me', { exact: true }).click();
  await page.getByLabel('Date and time').fill(`${new Date().getUTCFullYear() + 1}-05-01T20:00`);
  await page.getByRole('button', { name: 'Set reminder' }).click();
  await page.getByText('On your list').waitFor();
  await page.getByRole('searchbox').or(page.getByLabel('Search films')).fill('blade');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Blade Runner' }).click();
  await page.waitForURL('**/film/2');
  await page.goto('/help');
  await page.getByLabel('What happened?').fill('No picture.');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('button', { name: 'I no longer need help' }).click();
  await page.getByText('Cancelled').waitFor();
  assert.deepEqual(complaints, []);
});

test('axe finds no accessibility problem on any page, light and dark, narrow and wide', withBrowser, async () => {
  const { page, complaints } = await newVisitor(browser, site.url);
  await signIn(page, 'erin');
  await page.goto('/film/1');
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await post(`${site.url}/reminder/erin/1`, {});
  await post(`${site.url}/watched/erin/2`, {});
  const { body: ticket } = await post<{ ticketId: string }>(`${site.url}/support/erin`, { message: 'Help' });
  const paths = [
    '/',
    '/browse',
    '/browse?q=alien',
    '/film/1',
    '/film/3',
    '/rankings',
    '/my-list',
    '/help',
    '/desk',
    '/status',
    '/status/letters',
    '/film/1/edit',
    '/import',
    '/sign-in',
    '/nowhere',
  ];
  for (const path of [...paths, `/help/${ticket.ticketId}`]) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(path);
    await assertAccessible(page, `${path}, light and wide`);
    // No script depends on size or colour scheme, so the page need not be loaded again.
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await assertAccessible(page, `${path}, dark and narrow`);
  }
  // The browser itself logs an error for pages with status 404.
  assert.deepEqual(
    complaints.filter((what) => !what.startsWith(`${site.url}/nowhere`)),
    [],
  );
});

test('a filter is sent when it is chosen, but with the keyboard only by its button', withBrowser, async () => {
  const { page, complaints } = await newVisitor(browser, site.url);
  await page.goto('/browse');
  await page.evaluate(() => {
    document.addEventListener('submit', (event) => {
      event.preventDefault();
      document.body.dataset.sent = 'yes';
    });
  });
  const sent = () => page.evaluate(() => document.body.dataset.sent);
  const genre = page.getByLabel('Genre');
  await genre.focus();
  await page.keyboard.press('ArrowDown');
  assert.notEqual(await genre.inputValue(), '');
  assert.equal(await sent(), undefined);
  await page.getByRole('heading', { level: 1 }).click();
  await genre.selectOption('');
  assert.equal(await sent(), 'yes');
  assert.deepEqual(complaints, []);
});

test('a header with long words and a long name fits on screens of any width', withBrowser, async () => {
  const { page, complaints } = await newVisitor(browser, site.url, { locale: 'de' });
  await page.goto('/sign-in');
  await page.getByLabel('Ihr Name').fill('W'.repeat(64));
  await page.getByRole('button', { name: 'Weiter' }).click();
  await page.locator('.me').waitFor();
  for (const width of [320, 1000, 1280]) {
    await page.setViewportSize({ width, height: 740 });
    await assertAccessible(page, `${width} px`);
    const lines = await page.getByRole('button', { name: 'Abmelden' }).evaluate((button) => {
      const range = document.createRange();
      range.selectNodeContents(button);
      return range.getClientRects().length;
    });
    assert.equal(lines, 1, `${width} px: no word is broken`);
  }
  assert.deepEqual(complaints, []);
});

test('a page reports a service that has stopped', withBrowser, async () => {
  const { page } = await newVisitor(browser, site.url);
  await signIn(page, 'dave');
  await page.goto('/film/1');
  await site.others.find(({ name }) => name === 'ranking')?.stop();
  await page.getByRole('button', { name: 'Like', exact: true }).click();
  await page.getByText('Nothing was lost. Try again in a moment.').waitFor();
  await page.reload();
  await page.getByText('Likes and rankings are not available right now.').waitFor();
  await page.getByRole('heading', { name: 'Alien' }).waitFor();
});
