/** The pages: which path is which, and what stands before all of them. The gateway serves them. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { csrf } from 'hono/csrf';
import { jsxRenderer } from 'hono/jsx-renderer';
import { routePath } from 'hono/route';
import { ConcurrencyLimit } from '../../shared/http/concurrency-limit.ts';
import { problem } from '../../shared/http/reply.ts';
import { type FetchEnvironment, remoteAddress } from '../../shared/http/server.ts';
import type { Telemetry } from '../../shared/observe/telemetry.ts';
import type { Identity } from '../../shared/operations/access.ts';
import { AppError, toAppError } from '../../shared/operations/errors.ts';
import type { Config } from '../../shared/process/config.ts';
import type { Logger } from '../../shared/process/log.ts';
import { addAssets } from './assets.ts';
import { browse } from './browse.tsx';
import { errorPage } from './error-page.tsx';
import { film } from './film.tsx';
import { changeFilm } from './film-actions.tsx';
import { cancelTicket, help, openTicket, ticketPage } from './help.tsx';
import { home } from './home.tsx';
import { layoutOf } from './layout.tsx';
import { myList } from './my-list.tsx';
import { drawPoster } from './poster/poster.ts';
import { rankings } from './rankings.tsx';
import { Sessions } from './session.ts';
import { signIn, signInPage, signOut } from './sign-in.tsx';
import { keepPosition, positionOf, zoneOf } from './small-cookies.ts';
import { languageOf, textsOf } from './texts/index.ts';
import { type Ask, type PageContext, type PageEnvironment, Visit } from './visit.ts';

export type { Ask } from './visit.ts';

export interface PageParts {
  /** Asks a service on behalf of a viewer. */
  ask: Ask;
  identity: Identity;
  config: Config;
  telemetry: Telemetry;
  log: Logger;
}

/** Nothing but what comes from here, and pictures of those that the operator names; no script and no style within a page. */
const headersFor = (imageOrigins: string[]): Record<string, string> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["img-src 'self'", ...imageOrigins].join(' '),
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  // Forms of pages without a referrer would have the origin `null`.
  'referrer-policy': 'same-origin',
  'cache-control': 'private, no-cache',
  vary: 'cookie, accept-language',
});

const maxFormBytes = 262_144;

/** Makes the app of all pages. What it does not have is answered as a page for browsers, and as a problem for programs. */
export function createPages(parts: PageParts): Hono<PageEnvironment> {
  const { identity, config, telemetry, log } = parts;
  const pages = new Hono<PageEnvironment>({ strict: false });
  const sessions = new Sessions(config);
  const limit = new ConcurrencyLimit(config.maxInFlight);
  const headers = Object.entries(headersFor(config.imageOrigins));
  const signing = { sessions, identity };

  pages.use(measured(telemetry));
  const assets = addAssets(pages);
  pages.get('/poster.svg', poster);

  pages.use(async (c, next) => {
    const visit = await visitOf(c, parts, sessions);
    c.set('visit', visit);
    const { position } = visit;
    await next();
    if (visit.position !== position) keepPosition(c, visit.position);
    for (const [name, value] of headers) c.header(name, value);
  });
  pages.use(compress());
  pages.use(jsxRenderer(layoutOf(assets)));
  pages.use(csrf());
  pages.use(
    bodyLimit({ maxSize: maxFormBytes, onError: () => Promise.reject(new AppError('too_large', 'too large')) }),
  );
  pages.use(async (_, next) => {
    limit.acquire();
    await next().finally(() => limit.release());
  });

  pages.get('/', home);
  pages.get('/browse', browse);
  pages.get('/film/:movieId', (c) => film(c));
  pages.post('/film/:movieId/:what', changeFilm);
  pages.get('/rankings', rankings);
  pages.get('/my-list', myList);
  pages.get('/help', (c) => help(c));
  pages.post('/help', openTicket);
  pages.get('/help/:ticketId', ticketPage);
  pages.post('/help/:ticketId/cancel', cancelTicket);
  pages.get('/sign-in', signInPage(signing));
  pages.post('/sign-in', signIn(signing));
  pages.post('/sign-out', signOut(signing));

  pages.notFound((c) => {
    const nothing = new AppError('not_found', `There is nothing at ${c.req.path}.`);
    return wantsPage(c) ? errorPage(c, nothing) : problem(nothing);
  });
  pages.onError((error, c) => {
    const refused =
      'getResponse' in error ? new AppError('forbidden', 'The form is not of this site.') : toAppError(error);
    if (refused.code === 'internal') log.error({ err: error, page: c.req.path }, 'a page failed');
    return errorPage(c, refused);
  });
  return pages;
}

/** Browsers name HTML among what they accept. */
function wantsPage(c: PageContext): boolean {
  return c.req.header('accept')?.includes('text/html') ?? false;
}

async function visitOf(c: PageContext, { ask, identity, config }: PageParts, sessions: Sessions): Promise<Visit> {
  const session = await sessions.read(c);
  const nobody = { userId: undefined, roles: [], open: identity.open };
  const token = session?.token;
  let caller: Awaited<ReturnType<Identity['of']>> = nobody;
  try {
    caller = await identity.of({ token: token ?? null, user: session?.user ?? null });
  } catch {
    // A token that is over: whoever it was has to sign in again.
    sessions.clear(c);
  }
  const language = languageOf(c);
  const { pathname, search } = new URL(c.req.url);
  return new Visit({
    ask,
    caller,
    token: caller.userId === undefined ? undefined : token,
    address: addressOf(c, config.trustProxy),
    texts: textsOf(language),
    language,
    zone: zoneOf(c),
    position: positionOf(c),
    imageOrigins: config.imageOrigins,
    path: pathname + search,
  });
}

/** The last entry of X-Forwarded-For is the one that our own proxy wrote. */
function addressOf(c: PageContext, trustProxy: boolean): string {
  const forwarded = trustProxy ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  return forwarded || remoteAddress((c.env ?? {}) as FetchEnvironment);
}

/** Counts requests by route. */
function measured({ metrics }: Telemetry) {
  const byRoute = new Map<string, ReturnType<typeof metrics.http>>();
  return async (c: PageContext, next: () => Promise<void>): Promise<void> => {
    const startedAt = performance.now();
    await next();
    const route = routePath(c, -1);
    const key = `${c.req.method} ${route}`;
    const requests = byRoute.get(key) ?? metrics.http(c.req.method, route);
    byRoute.set(key, requests);
    requests.ended(startedAt, c.res.status);
  };
}

const posterHeaders = {
  'content-type': 'image/svg+xml; charset=utf-8',
  'cache-control': 'public, max-age=31536000, immutable',
  'content-security-policy': "default-src 'none'; style-src 'none'; sandbox",
  'x-content-type-options': 'nosniff',
};

/** GET /poster.svg: all that it shows is in the query, so that it can be kept for ever. */
function poster(c: PageContext): Response {
  const { t = '', g = '', y = '' } = c.req.query();
  const year = /^\d{4}$/.test(y) ? Number(y) : null;
  return new Response(drawPoster({ title: t.slice(0, 600), genre: g.slice(0, 40), year }), { headers: posterHeaders });
}
