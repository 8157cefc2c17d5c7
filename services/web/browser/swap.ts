/** Updates parts of the page without reloading all of it. */
import { notice } from './notices.ts';

/** Sends forms with `data-swap` by fetch, and replaces only the part of the page that the attribute selects. */
export function swapForms(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement;
    const selector = form.dataset.swap;
    if (selector === undefined || event.defaultPrevented) return;
    event.preventDefault();
    void send(form, selector, (event as SubmitEvent).submitter);
  });
}

async function send(form: HTMLFormElement, selector: string, button: HTMLElement | null): Promise<void> {
  if (button?.ariaBusy === 'true') return;
  if (button) button.ariaBusy = 'true';
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      body: new URLSearchParams([...new FormData(form)].map(([name, value]) => [name, String(value)])),
      headers: { accept: 'text/html' },
    });
    // The response page keeps the typed text while the viewer signs in, so the browser has to show it.
    if (response.status === 401) throw new Error('not signed in');
    const page = parsed(await response.text());
    const { pathname } = new URL(response.url);
    if (response.redirected && pathname !== location.pathname) location.assign(response.url);
    else if (response.ok) replace(selector, page);
    else notice((page.querySelector('.problem, .failure .lead') ?? page.querySelector('h1'))?.textContent ?? '');
  } catch {
    // Submitting the form without script shows the error.
    form.removeAttribute('data-swap');
    form.requestSubmit(button);
  } finally {
    if (button) button.ariaBusy = null;
  }
}

/** Replaces the selected parts by those of the current page on the server. */
export async function refresh(selector: string): Promise<void> {
  if (!document.querySelector(selector)) return;
  const response = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (response.ok) replace(selector, parsed(await response.text()));
}

/** Delays before each refresh in milliseconds. An event can arrive before the queried replica's view has applied it. */
const refreshDelaysMs = [0, 300, 1000, 3000];

/** Refreshes the parts several times, because the first difference that appears may be an earlier change. */
export async function refreshAfterChange(selector: string): Promise<void> {
  for (const delay of refreshDelaysMs) {
    await new Promise((resolve) => setTimeout(resolve, delay));
    await refresh(selector).catch(() => {});
  }
}

/** Refreshes elements with `data-poll` at that interval in milliseconds, while the page is visible. */
export function watchPolled(): void {
  for (const { id } of document.querySelectorAll('[data-poll]')) {
    const selector = `#${id}`;
    const again = (): void => {
      // A refreshed part without the attribute has reached its final state.
      const interval = document.getElementById(id)?.dataset.poll;
      if (interval !== undefined) setTimeout(poll, Number(interval));
    };
    const poll = (): void => {
      const isBusy = document.querySelector(`${selector} :is(textarea, input):focus, ${selector} details[open]`);
      const refreshed = document.hidden || isBusy ? Promise.resolve() : refresh(selector);
      refreshed.catch(() => {}).finally(again);
    };
    again();
  }
}

const parsed = (html: string): Document => new DOMParser().parseFromString(html, 'text/html');

/** Replaces the selected parts. The focus moves to the element with the same index among the focusable ones. */
function replace(selector: string, page: Document): void {
  for (const old of document.querySelectorAll<HTMLElement>(selector)) {
    const fresh = page.getElementById(old.id);
    if (!fresh || fresh.innerHTML === old.innerHTML) continue;
    const place = focusable(old).indexOf(document.activeElement as HTMLElement);
    old.replaceWith(document.adoptNode(fresh));
    if (place < 0) continue;
    const target = focusable(fresh)[place] ?? focusable(fresh).at(-1);
    // An element in a closed panel cannot have the focus, so the panel's button gets it.
    const shown = target?.checkVisibility() ? target : target?.closest('details')?.querySelector('summary');
    shown?.focus({ preventScroll: true });
  }
}

const focusable = (part: HTMLElement): HTMLElement[] => [
  ...part.querySelectorAll<HTMLElement>('a[href], button, input:not([type=hidden]), select, textarea, summary'),
];
