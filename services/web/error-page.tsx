/** The page of an error. */
import type { FC } from 'hono/jsx';
import { type AppError, type ErrorCode, toAppError } from '../../shared/operations/errors.ts';
import { hrefOf, useVisit } from './components.tsx';
import type { PageContext } from './visit.ts';

/** Codes for which the page also shows the error's own message. */
const codesWithDetail: ErrorCode[] = ['invalid', 'forbidden', 'conflict', 'not_found'];

/**
 * Answers with the page of an error. A viewer who has to sign in is redirected there and back again. If they sent a
 * form with text, the page keeps the text while they sign in in another tab.
 */
export async function errorPage(c: PageContext, error: unknown): Promise<Response> {
  const refused = toAppError(error);
  const { visit } = c.var;
  if (refused.code === 'unauthenticated') {
    const typed = await typedFields(c);
    if (typed.length === 0) return c.redirect(hrefOf('/sign-in', { next: visit.path }), 303);
    c.status(401);
    return c.render(<SendAgain to={c.req.path} fields={typed} />, { title: visit.texts.signIn.title });
  }
  c.status(refused.status as 400);
  if (refused.retryAfter !== undefined) c.header('retry-after', String(refused.retryAfter));
  return c.render(<Failure refused={refused} />, { title: visit.texts.errors.title });
}

/** More fields than any form has. Rendering a page with very many would block the event loop. */
const maxFields = 100;

/** Returns the fields of a form with text fields; none for a form that is only a button. */
async function typedFields(c: PageContext): Promise<[string, string][]> {
  // An uploaded file is not read before its sender is known.
  if (c.req.method !== 'POST' || c.req.path === '/import') return [];
  const form = await c.req.parseBody().catch(() => ({}));
  const fields = Object.entries(form).filter((field): field is [string, string] => typeof field[1] === 'string');
  return fields.length <= maxFields && fields.some(([name]) => name !== 'back') ? fields : [];
}

const SendAgain: FC<{ to: string; fields: [string, string][] }> = ({ to, fields }) => {
  const { texts } = useVisit();
  return (
    <form class="failure" method="post" action={to}>
      <h1>{texts.errors.unauthenticated}</h1>
      <p class="lead">{texts.signIn.kept}</p>
      {fields.map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <p class="line">
        <a class="button strong" href="/sign-in" target="_blank" rel="noopener">
          {texts.signIn.title}
        </a>
        <button type="submit" class="button">
          {texts.errors.again}
        </button>
      </p>
    </form>
  );
};

const Failure: FC<{ refused: AppError }> = ({ refused }) => {
  const { texts, path } = useVisit();
  const { code, message } = refused;
  return (
    <section class="failure">
      <p class="eyebrow">{refused.status}</p>
      <h1>{code === 'not_found' ? texts.errors.not_found : texts.errors.title}</h1>
      {code === 'not_found' ? null : <p class="lead">{texts.errors[code]}</p>}
      {codesWithDetail.includes(code) ? <p class="quiet">{message}</p> : null}
      <p class="line">
        {code === 'unavailable' ? (
          <a class="button strong" href={path}>
            {texts.errors.again}
          </a>
        ) : null}
        <a class="button" href="/">
          {texts.errors.home}
        </a>
      </p>
    </section>
  );
};
