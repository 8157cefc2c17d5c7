/** After a form: back to the page that it was on. */
import type { PageContext } from './visit.ts';

/** A path of these pages, and of no other site. */
export function ownPath(given: unknown, otherwise: string): string {
  return typeof given === 'string' && /^\/(?![/\\])[^\s\\]*$/.test(given) ? given : otherwise;
}

/** 303 to the path that the form names, so that loading the page again sends nothing again. */
export function goBack(c: PageContext, form: Record<string, unknown>, otherwise: string): Response {
  return c.redirect(ownPath(form.back, otherwise), 303);
}
