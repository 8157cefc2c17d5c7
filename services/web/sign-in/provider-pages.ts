/** Routes for signing in at the identity provider: the redirect to it, and the callback. */
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { AppError } from '../../../shared/operations/errors.ts';
import { ownPath } from '../form.ts';
import type { PageContext } from '../visit.ts';
import type { Provider, Start } from './provider.ts';
import type { Sessions } from './session.ts';
import { showSignIn } from './sign-in.tsx';

const backPath = '/sign-in/back';
const cookie = 'marquee-signing-in';
const maxSignInS = 600;

interface Parts {
  provider: Provider;
  sessions: Sessions;
}

/** GET /sign-in/start. Redirects to the provider and keeps the state for the callback in an encrypted cookie. */
export function startAtProvider({ provider, sessions }: Parts) {
  return async (c: PageContext): Promise<Response> => {
    const next = ownPath(c.req.query('next'), '/');
    const { url, start } = await provider.start(sessions.originOf(c) + backPath, next);
    const sealed = await sessions.seal({ ...start }, maxSignInS);
    setCookie(c, cookie, sealed, { path: '/sign-in', httpOnly: true, sameSite: 'Lax', maxAge: maxSignInS });
    return c.redirect(url.href, 302);
  };
}

/** GET /sign-in/back: the provider's redirect back. */
export function backFromProvider({ provider, sessions }: Parts) {
  return async (c: PageContext): Promise<Response> => {
    const problem = c.var.visit.texts.signIn.badReturn;
    const start = await sessions.open<Start>(getCookie(c, cookie) ?? '');
    deleteCookie(c, cookie, { path: '/sign-in' });
    // The cookie has expired, or another browser started this sign-in.
    if (!start) return showSignIn(c, { provider }, { problem });
    const { search } = new URL(c.req.url);
    try {
      await sessions.write(c, await provider.finish(new URL(sessions.originOf(c) + backPath + search), start));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unauthenticated') throw error;
      return showSignIn(c, { provider }, { problem, next: start.next });
    }
    return c.redirect(ownPath(start.next, '/'), 303);
  };
}
