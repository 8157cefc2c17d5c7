/** Helpers for forms: their text fields, the page that they were on, and the redirect back to it. */
import { AppError, type ErrorCode, invalid } from '../../shared/operations/errors.ts';
import type { Form, PageContext } from './visit.ts';

/**
 * Parses a form. Line breaks become LF: browsers send CR LF but count it as one character.
 * @param fileField the one field that may hold a file
 * @throws AppError invalid if the form cannot be parsed, or another field holds a file
 */
export async function readForm(c: PageContext, fileField?: string): Promise<{ form: Form; file: File | undefined }> {
  const fields = await c.req.parseBody().catch((error: unknown) => {
    throw new AppError('invalid', 'The form cannot be parsed.', { cause: error });
  });
  const form: Form = {};
  let file: File | undefined;
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value === 'string') form[field] = value.replaceAll('\r\n', '\n');
    else if (field === fileField && value instanceof File) file = value;
    else throw invalid({ field, message: 'must be text' });
  }
  return { form, file };
}

/** Returns `given` if it is a path on this site, otherwise `otherwise`: prevents redirects to other sites. */
export function ownPath(given: string | undefined, otherwise: string): string {
  return given !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(given) ? given : otherwise;
}

/** Returns the path and query of the page. For a POST, those of the Referer, or `/` if the browser sends none. */
export function pageOf(c: PageContext): string {
  const page = c.req.method === 'POST' ? c.req.header('referer') : c.req.url;
  if (!page || !URL.canParse(page)) return '/';
  const { pathname, search } = new URL(page);
  return pathname + search;
}

/** Redirects (303) to the form's `back` path, so that reloading the page does not send the form again. */
export function goBack(c: PageContext, otherwise: string): Response {
  return c.redirect(ownPath(c.var.visit.form.back, otherwise), 303);
}

/** Returns a catch handler for one error code: after a double click, the first request has already made the change. */
export function ignore(code: ErrorCode): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof AppError) || error.code !== code) throw error;
  };
}
