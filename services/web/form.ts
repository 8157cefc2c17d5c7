/** What comes with a form: what was typed, and the page that it was on, with the way back there. */
import type { PageContext } from './visit.ts';

/** What was typed: browsers send CR LF for each end of a line, and count it as one character. */
export function typed(field: unknown): string {
  return String(field ?? '')
    .toWellFormed()
    .replaceAll('\r\n', '\n');
}

/** A path of these pages, and of no other site. */
export function ownPath(given: unknown, otherwise: string): string {
  return typeof given === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(given) ? given : otherwise;
}

/** The path and query of the page. Where a form was sent: of the page that it was on if the browser names it, else `/`. */
export function pageOf(c: PageContext): string {
  const page = c.req.method === 'POST' ? c.req.header('referer') : c.req.url;
  if (!page || !URL.canParse(page)) return '/';
  const { pathname, search } = new URL(page);
  return pathname + search;
}

/** 303 to the path that the form names, so that loading the page again sends nothing again. */
export function goBack(c: PageContext, form: Record<string, unknown>, otherwise: string): Response {
  return c.redirect(ownPath(form.back, otherwise), 303);
}
