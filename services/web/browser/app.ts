/** The script of the pages. It only adds comfort: without it everything works by links and forms. */
import { takeDrops } from './drop.ts';
import { listen } from './live.ts';
import { offerNotifications } from './notices.ts';
import { suggest } from './suggest.ts';
import { swapForms, watchPolled } from './swap.ts';

const yearMs = 365 * 24 * 3600 * 1000;

// The time zone is the browser's until the viewer chooses another one when signing in. Plain HTTP has no cookieStore.
if ('cookieStore' in globalThis) {
  void cookieStore.get('marquee-zone').then(async (known) => {
    const value = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone);
    const cookie = { name: 'marquee-zone', value, expires: Date.now() + yearMs, sameSite: 'lax' } as const;
    if (!known) await cookieStore.set(cookie);
  });
}

document.addEventListener('change', ({ target }) => {
  const form = (target as HTMLElement).closest<HTMLFormElement>('form[data-auto]');
  if (form?.checkValidity()) form.requestSubmit();
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
