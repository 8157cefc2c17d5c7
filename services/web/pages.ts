/** The Hono app of the web pages: their routes and the middleware in front of them. The gateway serves it. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { csrf } from 'hono/csrf';
import { jsxRenderer } from 'hono/jsx-renderer';
import { methodNotAllowed } from 'hono/method-not-allowed';
import { routePath } from 'hono/route';
import type { Connection } from '../../shared/broker/connection.ts';
import { problem } from '../../shared/http/reply.ts';
import { RequestHeaders, readBody } from '../../shared/http/request.ts';
import { concurrencyLimit } from '../../shared/observe/served-operation.ts';
import type { Telemetry } from '../../shared/observe/telemetry.ts';
import type { Identity } from '../../shared/operations/access.ts';
import { AppError, toAppError } from '../../shared/operations/errors.ts';
import type { Config } from '../../shared/process/config.ts';
import type { Logger } from '../../shared/process/log.ts';
import { TurnQueue } from '../../shared/process/turn-queue.ts';
import { addAssets } from './assets.ts';
import { browse } from './browse.tsx';
import { changeFilm } from './change-film.ts';
import { assignOrder, desk, resolveOrder } from './desk.tsx';
import { errorPage } from './error-page.tsx';
import { film } from './film.tsx';
import { ownPath, pageOf, readForm } from './form.ts';
import { cancelTicket, help, openTicket, ticketPage } from './help.tsx';
import { home } from './home.tsx';
import { importPage, jobPage, maxFileBytes, receiveFile, rejectsOf, startJob } from './import/import.tsx';
import { ImportJobs } from './import/jobs.ts';
import { layoutOf } from './layout.tsx';
import { type Fetch, live } from './live.ts';
import { myList } from './my-list.tsx';
import { addFilm, editFilm, newFilm, removeFilm, replaceFilm } from './operator/edit.tsx';
import { History } from './operator/history.ts';
import { closeLetter, letterPage, lettersPage } from './operator/letters.tsx';
import { operatorLink } from './operator/link.ts';
import { statusPage } from './operator/status.tsx';
import { poster } from './poster/route.ts';
import { rankings } from './rankings.tsx';
import { callerOf, type Signing } from './sign-in/caller.ts';
import { Provider } from './sign-in/provider.ts';
import { backFromProvider, startAtProvider } from './sign-in/provider-pages.ts';
import { Sessions } from './sign-in/session.ts';
import { signIn, signInPage, signOut } from './sign-in/sign-in.tsx';
import { keepPosition, positionOf, zoneOf } from './small-cookies.ts';
import { languageOf, textsOf } from './texts/index.ts';
import { type Ask, neededShare, type PageContext, type PageEnvironment, Visit } from './visit.ts';

export type { Ask } from './visit.ts';

export interface PageParts {
  /** Sends a request to a service on behalf of a viewer. */
  ask: Ask;
  identity: Identity;
  config: Config;
  telemetry: Telemetry;
  log: Logger;
  connection: Connection;
  /** Disposes of the resources that the pages open. */
  stack: AsyncDisposableStack;
  /** Names of the services that are expected to run. */
  services: readonly string[];
  /** Handles a request to the API in this process, without the network. */
  api: Fetch;
}

/**
 * Response headers of every page. Pages load only from this origin, except images from the origins that the operator
 * allows, and contain no inline script or style.
 */
const headersFor = ({ imageOrigins, oidc }: Config): Record<string, string> => ({
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["img-src 'self'", ...imageOrigins].join(' '),
    "connect-src 'self'",
    // Signing out redirects to the provider, and browsers apply form-action to redirects too.
    ["form-action 'self'", ...(oidc ? [new URL(oidc.issuer).origin] : [])].join(' '),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  // With `no-referrer`, browsers would send forms with the origin `null`.
  'referrer-policy': 'same-origin',
  'cache-control': 'private, no-cache',
  vary: 'cookie, accept-language',
});

/** Files that may be uploaded at once: each is held in memory, several times while it is parsed. */
const maxUploads = 2;
const limitFile = bodyLimit({
  maxSize: maxFileBytes,
  onError: () => Promise.reject(new AppError('too_large', `The file is larger than ${maxFileBytes} bytes.`)),
});
// The patterns match only possible ids, so that any other path is answered with 404.
const filmPath = '/film/:movieId{[1-9][0-9]{0,9}}';
const ticketPath = '/help/:ticketId{[A-Za-z0-9_-]{1,64}}';
const orderPath = '/desk/:orderId{[A-Za-z0-9_-]{1,64}}';
const letterPath = '/status/letters/:seq{[1-9][0-9]{0,14}}';

/** Returns middleware that counts requests against a limit. */
function limitedBy(limit: ReturnType<typeof concurrencyLimit>) {
  return async (_: PageContext, next: () => Promise<void>): Promise<void> => {
    limit.acquire();
    await next().finally(() => limit.release());
  };
}

/**
 * Reads a form before the request counts against the concurrency limit, so that slow senders take no place. An import
 * is read later, because its file is too large for this.
 */
async function takeForm(c: PageContext, next: () => Promise<void>): Promise<void> {
  if (c.req.method === 'POST' && c.req.path !== '/import') {
    const { url, headers } = c.req.raw;
    c.req.raw = new Request(url, { method: 'POST', headers, body: await readBody(c) });
    const { visit } = c.var;
    visit.form = (await readForm(c)).form;
    visit.path = ownPath(visit.form.back, visit.path);
  }
  await next();
}

/** Creates the app of all pages. Unknown paths get an HTML page for browsers and problem details for programs. */
export function createPages(parts: PageParts): Hono<PageEnvironment> {
  const { identity, config, telemetry, log, connection, stack } = parts;
  const link = operatorLink(connection, config, log, stack);
  const history = stack.use(new History(connection, parts.services));
  const pages = new Hono<PageEnvironment>({ strict: false });
  const sessions = new Sessions(config);
  const limit = concurrencyLimit(config.maxInFlight);
  const headers = Object.entries(headersFor(config));
  const provider = config.oidc && new Provider(config, config.oidc);
  const jobs = stack.use(new ImportJobs(connection, config.dataDir));
  const signing = { sessions, identity, provider, maxWaitMs: config.requestTimeoutMs * neededShare };

  // Takes turns between clients, so that a burst of files, posters or pages, whose answers arrive in one message, does
  // not hold up everyone else.
  const turns = new TurnQueue();
  const ask: Ask = (...asked) => parts.ask(...asked).finally(() => turns.turn());

  pages.use(measure(telemetry));
  pages.use(async (c, next) => {
    const deadline = performance.now() + config.requestTimeoutMs;
    await turns.turn(new RequestHeaders(c, config.trustProxy).from);
    if (performance.now() > deadline) throw new AppError('unavailable', 'Too many requests: timed out while waiting.');
    await next();
  });
  const assets = addAssets(pages);
  pages.get('/poster.svg', compress(), poster);

  pages.use(async (c, next) => {
    const visit = await visitOf(c, { ...parts, ask }, signing);
    c.set('visit', visit);
    const { position } = visit;
    await next();
    if (visit.position !== position) keepPosition(c, visit.position);
    for (const [name, value] of headers) c.header(name, value);
  });
  pages.use(compress());
  pages.use(jsxRenderer(layoutOf(assets)));
  pages.use(csrf());
  pages.use(methodNotAllowed({ app: pages, onMethodNotAllowed: refuseMethod }));
  pages.use(takeForm);
  pages.use(limitedBy(limit));

  const only = (role: 'agent' | 'admin') => async (c: PageContext, next: () => Promise<void>) => {
    c.var.visit.require(role);
    await next();
  };
  pages.use('/desk/*', only('agent'));
  for (const path of ['/film-new', `${filmPath}/edit`, `${filmPath}/remove`, '/import/*', '/status/*']) {
    pages.use(path, only('admin'));
  }

  // After the check of the role, because this reads the file.
  pages.post('/import', limitedBy(concurrencyLimit(maxUploads)), limitFile);

  pages.get('/live', live(parts.api));
  pages.get('/', home);
  pages.get('/browse', browse);
  pages.get(filmPath, (c) => film(c));
  pages.get(`${filmPath}/edit`, editFilm);
  pages.post(`${filmPath}/edit`, replaceFilm);
  pages.post(`${filmPath}/remove`, removeFilm);
  pages.get('/film-new', newFilm);
  pages.post('/film-new', addFilm);
  pages.post(`${filmPath}/:what{like|unlike|remind|forget|watched|unwatched}`, changeFilm);
  pages.get('/rankings', rankings);
  pages.get('/my-list', myList);
  pages.get('/help', (c) => help(c));
  pages.post('/help', openTicket);
  pages.get(ticketPath, ticketPage);
  pages.post(`${ticketPath}/cancel`, cancelTicket);
  pages.get('/desk', (c) => desk(c));
  pages.post(`${orderPath}/assign`, assignOrder);
  pages.post(`${orderPath}/resolve`, resolveOrder);
  pages.get('/import', (c) => importPage(c));
  pages.post('/import', receiveFile(jobs));
  pages.get('/import/:id', jobPage(jobs));
  pages.post('/import/:id/start', startJob(jobs));
  pages.get('/import/:id/rejects', rejectsOf(jobs));
  pages.get('/status', statusPage({ connection, link, history, services: parts.services }));
  pages.get('/status/letters', lettersPage(link));
  pages.get(letterPath, letterPage(link));
  pages.post(`${letterPath}/replay`, closeLetter(link, 'replay'));
  pages.post(`${letterPath}/drop`, closeLetter(link, 'drop'));
  pages.get('/sign-in', signInPage(signing));
  pages.post('/sign-in', signIn(signing));
  pages.post('/sign-out', signOut(signing));
  if (provider) {
    pages.get('/sign-in/start', startAtProvider({ provider, sessions }));
    pages.get('/sign-in/back', backFromProvider({ provider, sessions }));
  }

  pages.notFound((c) => refuse(c, new AppError('not_found', `There is no page at ${c.req.path}.`)));
  pages.onError((error, c) => {
    const refused =
      'getResponse' in error ? new AppError('forbidden', c.var.visit.texts.errors.otherSite) : toAppError(error);
    if (refused.code === 'internal') log.error({ err: error, page: c.req.path }, 'a page failed');
    // A request that timed out while it waited has no visit yet.
    return c.get('visit') ? errorPage(c, refused) : problem(refused);
  });
  return pages;
}

/** Answers with a page for clients that accept HTML, otherwise with problem details. */
function refuse(c: PageContext, error: AppError): Response | Promise<Response> {
  return c.req.header('accept')?.includes('text/html') ? errorPage(c, error) : problem(error);
}

/** Answers a method that the path does not support; OPTIONS gets the list of those that it does. */
async function refuseMethod(c: PageContext, methods: string[]): Promise<Response> {
  const method = new AppError('method_not_allowed', `${c.req.path} does not support ${c.req.method}.`);
  const response = c.req.method === 'OPTIONS' ? new Response(null, { status: 204 }) : await refuse(c, method);
  response.headers.set('allow', methods.join(', '));
  return response;
}

async function visitOf(c: PageContext, { ask, config }: PageParts, signing: Signing): Promise<Visit> {
  const { token, caller, providerIsSilent } = await callerOf(c, signing);
  const language = languageOf(c);
  const visit = new Visit({
    ask,
    caller,
    token,
    address: new RequestHeaders(c, config.trustProxy).from,
    texts: textsOf(language),
    language,
    zone: zoneOf(c),
    position: positionOf(c),
    imageOrigins: config.imageOrigins,
    requestTimeoutMs: config.requestTimeoutMs,
    path: pageOf(c),
  });
  if (providerIsSilent) visit.missing.add('sign-in');
  return visit;
}

/** Middleware that records the duration and status of requests by route. */
function measure({ metrics }: Telemetry) {
  const byRoute = new Map<string, ReturnType<typeof metrics.http>>();
  return async (c: PageContext, next: () => Promise<void>): Promise<void> => {
    const startedAt = performance.now();
    await next();
    const route = routePath(c, -1).replace(/\{[^/]*\}/g, '');
    const key = `${c.req.method} ${route}`;
    const requests = byRoute.get(key) ?? metrics.http(c.req.method, route);
    byRoute.set(key, requests);
    requests.ended(startedAt, c.res.status);
  };
}
