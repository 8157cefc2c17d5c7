/** Short notices in a corner of the page, and beyond it where the viewer allows that. */

const shownForMs = 12_000;
const region = document.getElementById('notices');

/** A text of the page for notices. `{title}` in it is replaced. */
export const textOf = (name: string, title = ''): string => (region?.dataset[name] ?? '').replace('{title}', title);

export function notice(text: string, href?: string): void {
  if (!region) return;
  const box = document.createElement('div');
  const message = document.createElement(href === undefined ? 'span' : 'a');
  message.textContent = text;
  message.dir = 'auto';
  if (href !== undefined) (message as HTMLAnchorElement).href = href;
  const close = document.createElement('button');
  close.type = 'button';
  close.className = 'link';
  close.textContent = textOf('close');
  close.addEventListener('click', () => box.remove());
  box.append(message, close);
  region.append(box);
  setTimeout(() => {
    if (!box.matches(':hover, :focus-within')) box.remove();
  }, shownForMs);
}

/** The same outside the page, where it is allowed. */
export function notify(text: string, href: string): void {
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const shown = new Notification(text, { tag: href });
  shown.addEventListener('click', () => {
    focus();
    location.assign(href);
  });
}

/** On the viewer's list: a button that asks for that permission, or that it is given. */
export function offerNotifications(): void {
  const place = document.querySelector<HTMLElement>('[data-notify]');
  if (!place || !('Notification' in globalThis) || Notification.permission === 'denied') return;
  if (Notification.permission === 'granted') {
    place.textContent = place.dataset.notified ?? '';
    return;
  }
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button';
  button.textContent = place.dataset.notify ?? '';
  button.addEventListener('click', () => {
    void Notification.requestPermission().then((permission) => {
      place.textContent = permission === 'granted' ? (place.dataset.notified ?? '') : '';
    });
  });
  place.replaceChildren(button);
}
