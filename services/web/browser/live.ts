/** Live events, which update likes, tickets and due reminders on the page. */
import { notice, notify, textOf } from './notices.ts';
import { refresh, refreshAfterChange } from './swap.ts';

const maxMovies = 200;
const retryMs = 2000;

/** Listens for live events while the page is open. A new connection continues after the last event received. */
export function listen(lastEventId = ''): void {
  const shown = [...document.querySelectorAll<HTMLElement>('[data-likes]')].map(({ dataset }) => dataset.likes);
  const movies = [...new Set(shown)].slice(0, maxMovies).join(',');
  // Without films on the page and without a signed-in viewer there are no events.
  if (movies === '' && document.body.dataset.user === undefined) return;
  const query = new URLSearchParams({ ...(movies ? { movies } : {}), ...(lastEventId ? { lastEventId } : {}) });
  const source = new EventSource(`/live?${query}`);
  let last = lastEventId;
  const on = <T>(name: string, handle: (data: T) => void): void =>
    source.addEventListener(name, (event) => {
      last = event.lastEventId;
      handle(JSON.parse(event.data as string) as T);
    });
  on<{ movieId: number; likes: number }>('likes', showLikes);
  on<{ ticketId: string }>('ticket', ({ ticketId }) => {
    void refreshAfterChange('[data-on="ticket"]');
    if (!location.pathname.startsWith('/help')) notice(textOf('ticket'), `/help/${ticketId}`);
  });
  on<{ movieId: number }>('reminder', ({ movieId }) => void remind(movieId));
  on('reset', () => void refreshAfterChange('[data-on]'));
  // Events between the rendering of the page and now were missed.
  source.addEventListener('open', () => void refresh('[data-on]').catch(() => {}));
  // The browser reconnects after a lost connection, but not after an error response.
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(last), retryMs);
  });
}

function showLikes({ movieId, likes }: { movieId: number; likes: number }): void {
  const number = likes.toLocaleString(document.documentElement.lang);
  for (const place of document.querySelectorAll<HTMLElement>(`[data-likes="${movieId}"]`)) {
    const { one, many } = place.dataset;
    const words = likes === 1 ? one : many;
    place.textContent = words === undefined ? number : words.replace(/\d+/, number);
  }
}

async function remind(movieId: number): Promise<void> {
  void refreshAfterChange('[data-on="reminder"]');
  const response = await fetch(`/movies/${movieId}`);
  const title = response.ok ? ((await response.json()) as { title: string }).title : '';
  const text = textOf('due', title);
  notice(text, `/film/${movieId}`);
  notify(text, `/film/${movieId}`);
}
