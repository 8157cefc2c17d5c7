/** Helpers for forms: their text fields, the page that they were on, and the redirect back to it. */
import { AppError, type ErrorCode } from '../../shared/operations/errors.ts';
import type { PageContext } from './visit.ts';

/** Returns the text of a field with LF as line break. Browsers send CR LF but count it as one character. */
export function typed(field: unknown): string {
  return String(field ?? '')
    .toWellFormed()
    .replaceAll('\r\n', '\n');
}

/** Returns `given` if it is a path on this site, otherwise `otherwise`: prevents redirects to other sites. */
export function ownPath(given: unknown, otherwise: string): string {
  return typeof given === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(given) ? given : otherwise;
}

/** Returns the path and query of the page. For a POST, those of the Referer, or `/` if the browser sends none. */
export function pageOf(c: PageContext): string {
  const page = c.req.method === 'POST' ? c.req.header('referer') : c.req.url;
  if (!page || !URL.canParse(page)) return '/';
  const { pathname, search } = new URL(page);
  return pathname + search;
}

/** Redirects (303) to the form's `back` path, so that reloading the page does not send the form again. */
export function goBack(c: PageContext, form: Record<string, unknown>, otherwise: string): Response {
  return c.redirect(ownPath(form.back, otherwise), 303);
}

/** Returns a catch handler for one error code: after a double click, the first request has already made the change. */
export function ignore(code: ErrorCode): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof AppError) || error.code !== code) throw error;
  };
}
