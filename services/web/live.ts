/** GET /live: live events for the viewer. Forwards to /events of the API, which cannot read the session cookie. */
import { hrefOf } from './components.tsx';
import type { PageContext } from './visit.ts';

export type Fetch = (request: Request) => Response | Promise<Response>;

export function live(api: Fetch) {
  return (c: PageContext): Response | Promise<Response> => {
    const { caller, token } = c.var.visit;
    const { movies, lastEventId } = c.req.query();
    const headers = new Headers();
    const resumed = c.req.header('last-event-id');
    if (resumed !== undefined) headers.set('last-event-id', resumed);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    else if (caller.userId !== undefined) headers.set('x-user-id', encodeURIComponent(caller.userId));
    return api(new Request(new URL(hrefOf('/events', { movies, lastEventId }), c.req.url), { headers }));
  };
}
