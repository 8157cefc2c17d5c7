/** The script of the pages. It only adds comfort: without it everything works by links and forms. */
import { takeDrops } from './drop.ts';
import { listen } from './live.ts';
import { offerNotifications } from './notices.ts';
import { suggest } from './suggest.ts';
import { swapForms, watchPolled } from './swap.ts';

const yearMs = 365 * 24 * 3600 * 1000;

// The time zone is the browser's until the viewer chooses another one when signing in. Plain HTTP has no cookieStore.
if (document.body.dataset.zone === undefined) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = { name: 'marquee-zone', value: encodeURIComponent(zone), expires: Date.now() + yearMs } as const;
  if ('cookieStore' in globalThis) void cookieStore.set({ ...cookie, sameSite: 'lax' });
  document.querySelector('select[name=zone]')?.prepend(new Option(zone, zone, true, true));
}

// With the keyboard each arrow key changes a list, so those forms are sent by their button.
let byKeyboard = false;
document.addEventListener('keydown', () => {
  byKeyboard = true;
});
document.addEventListener('pointerdown', () => {
  byKeyboard = false;
});
document.addEventListener('change', ({ target }) => {
  const form = (target as HTMLElement).closest<HTMLFormElement>('form[data-auto]');
  if (!byKeyboard && form?.checkValidity()) form.requestSubmit();
});

// Panels close like menus: on Escape and on a click outside.
const openPanels = () => document.querySelectorAll<HTMLDetailsElement>('details[name][open]');
document.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  for (const panel of openPanels()) {
    panel.open = false;
    panel.querySelector('summary')?.focus();
  }
});
document.addEventListener('click', ({ target }) => {
  for (const panel of openPanels()) if (!panel.contains(target as Node)) panel.open = false;
});

swapForms();
watchPolled();
offerNotifications();
takeDrops();
const field = document.querySelector<HTMLInputElement>('input[data-suggest]');
if (field) suggest(field);
listen();
