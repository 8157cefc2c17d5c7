/** Parts of the page that change without loading all of it. */
import { notice } from './notices.ts';

/** Forms with `data-swap` send themselves, and only the part that this selects is taken from the page that comes back. */
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
    // Only the page itself holds what was typed while somebody signs in.
    if (response.status === 401) throw new Error('nobody is signed in');
    const page = parsed(await response.text());
    const { pathname } = new URL(response.url);
    if (response.redirected && pathname !== location.pathname) location.assign(response.url);
    else if (response.ok) replace(selector, page);
    else notice(page.querySelector('.problem, .failure .lead')?.textContent ?? page.title);
  } catch {
    // The browser's own way shows what is wrong.
    form.removeAttribute('data-swap');
    form.requestSubmit(button);
  } finally {
    if (button) button.ariaBusy = null;
  }
}

/** Takes the parts that a selector names from the page as it is now. */
export async function refresh(selector: string): Promise<void> {
  if (!document.querySelector(selector)) return;
  const response = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (response.ok) replace(selector, parsed(await response.text()));
}

/** Waits (milliseconds) between looks: an event may be here before the view of the service that is asked has it. */
const looks = [0, 300, 1000, 3000];

/** The same because something has changed. What is seen first may be an earlier change, so all looks are taken. */
export async function refreshAfterChange(selector: string): Promise<void> {
  for (const wait of looks) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await refresh(selector).catch(() => {});
  }
}

/** Elements with `data-poll` are looked at again after so many milliseconds, while the page is in view. */
export function watchPolled(): void {
  for (const part of document.querySelectorAll<HTMLElement>('[data-poll]')) {
    const selector = `#${part.id}`;
    const again = (): void => {
      setTimeout(() => {
        const isBusy = document.querySelector(`${selector} :is(textarea, input):focus, ${selector} details[open]`);
        const looked = document.hidden || isBusy ? Promise.resolve() : refresh(selector);
        looked.catch(() => {}).finally(again);
      }, Number(part.dataset.poll));
    };
    again();
  }
}

const parsed = (html: string): Document => new DOMParser().parseFromString(html, 'text/html');

/** What had the focus has it again: it is found by its place among the things that can have it. */
function replace(selector: string, page: Document): void {
  for (const old of document.querySelectorAll<HTMLElement>(selector)) {
    const fresh = page.getElementById(old.id);
    if (!fresh || fresh.innerHTML === old.innerHTML) continue;
    const place = focusable(old).indexOf(document.activeElement as HTMLElement);
    old.replaceWith(document.adoptNode(fresh));
    if (place < 0) continue;
    const target = focusable(fresh)[place] ?? focusable(fresh).at(-1);
    // What is in a panel that has closed cannot have it: its button can.
    const shown = target?.checkVisibility() ? target : target?.closest('details')?.querySelector('summary');
    shown?.focus({ preventScroll: true });
  }
}

const focusable = (part: HTMLElement): HTMLElement[] => [
  ...part.querySelectorAll<HTMLElement>('a[href], button, input:not([type=hidden]), select, textarea, summary'),
];
