/** Short notices in a corner of the page, and as desktop notifications if the viewer allows them. */

const shownForMs = 12_000;
const region = document.getElementById('notices');

/** Returns a notice text from the page, with `{title}` replaced. */
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

/** Shows a desktop notification if the viewer has allowed them. */
export function notify(text: string, href: string): void {
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return;
  const shown = new Notification(text, { tag: href });
  shown.addEventListener('click', () => {
    focus();
    location.assign(href);
  });
}

/** On the page of the viewer's list: offers to allow notifications, or says that they are allowed. */
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
