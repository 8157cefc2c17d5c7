/** The page of an error. */
import type { FC } from 'hono/jsx';
import { type AppError, toAppError } from '../../shared/operations/errors.ts';
import { hrefOf, useVisit } from './components.tsx';
import type { PageContext, Visit } from './visit.ts';

/**
 * Answers with the page of an error. A viewer who has to sign in is redirected there and back again. If they sent a
 * form with text, the page keeps the text while they sign in in another tab.
 */
export async function errorPage(c: PageContext, error: unknown): Promise<Response> {
  const refused = toAppError(error);
  const { visit } = c.var;
  const { texts } = visit;
  if (refused.code === 'unauthenticated') {
    if (typedFields(visit).length === 0) return c.redirect(hrefOf('/sign-in', { next: visit.path }), 303);
    c.status(401);
    return c.render(<SignInFirst to={c.req.path} />, { title: texts.signIn.title });
  }
  c.status(refused.status as 400);
  if (refused.retryAfter !== undefined) c.header('retry-after', String(refused.retryAfter));
  return c.render(<Failure refused={refused} to={c.req.path} />, { title: texts.errors.title });
}

/** More fields than any form has. Rendering a page with very many would block the event loop. */
const maxFields = 100;

/** Returns the fields of the form that was sent, if it has text fields; none for a form that is only a button. */
function typedFields({ form }: Visit): [string, string | undefined][] {
  const fields = Object.entries(form);
  return fields.length <= maxFields && fields.some(([name]) => name !== 'back') ? fields : [];
}

/** A button that sends the form again. */
const SendAgain: FC<{ to: string }> = ({ to }) => {
  const visit = useVisit();
  return (
    <form method="post" action={to}>
      {typedFields(visit).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <button type="submit" class="button">
        {visit.texts.errors.again}
      </button>
    </form>
  );
};

const SignInFirst: FC<{ to: string }> = ({ to }) => {
  const { texts } = useVisit();
  return (
    <section class="failure">
      <h1>{texts.errors.unauthenticated}</h1>
      <p class="lead">{texts.signIn.kept}</p>
      <div class="line">
        <a class="button strong" href="/sign-in" target="_blank" rel="noopener">
          {texts.signIn.title}
        </a>
        <SendAgain to={to} />
      </div>
    </section>
  );
};

const Failure: FC<{ refused: AppError; to: string }> = ({ refused, to }) => {
  const visit = useVisit();
  const { texts, path } = visit;
  const { code, message } = refused;
  const isTemporary = code === 'unavailable' || code === 'rate_limited';
  return (
    <section class="failure">
      <p class="eyebrow">{refused.status}</p>
      <h1>{code === 'not_found' ? texts.errors.not_found : texts.errors.title}</h1>
      {code === 'not_found' ? null : <p class="lead">{texts.errors[code]}</p>}
      {/* Pages write their own refusals in the viewer's language. Other messages are in English. */}
      {code === 'forbidden' ? <p class="quiet">{message}</p> : null}
      {code === 'conflict' ? (
        <p class="quiet" lang="en">
          {message}
        </p>
      ) : null}
      <div class="line">
        {!isTemporary ? null : typedFields(visit).length > 0 ? (
          <SendAgain to={to} />
        ) : (
          <a class="button strong" href={path}>
            {texts.errors.again}
          </a>
        )}
        <a class="button" href="/">
          {texts.errors.home}
        </a>
      </div>
    </section>
  );
};
