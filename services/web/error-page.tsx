/** What a person sees when something cannot be shown or done. */
import type { FC } from 'hono/jsx';
import { type AppError, type ErrorCode, toAppError } from '../../shared/operations/errors.ts';
import { useVisit } from './components.tsx';
import type { PageContext } from './visit.ts';

/** Codes whose own words say more than those of the code. */
const explained: ErrorCode[] = ['invalid', 'conflict', 'not_found'];

/** The page of an error. Who has to sign in first is sent there, and comes back. */
export function errorPage(c: PageContext, error: unknown): Response | Promise<Response> {
  const refused = toAppError(error);
  const { visit } = c.var;
  if (refused.code === 'unauthenticated') {
    return c.redirect(`/sign-in?${new URLSearchParams({ next: visit.path })}`, 303);
  }
  c.status(refused.status as 400);
  if (refused.retryAfter !== undefined) c.header('retry-after', String(refused.retryAfter));
  return c.render(<Failure refused={refused} />, { title: visit.texts.errors.title as string });
}

const Failure: FC<{ refused: AppError }> = ({ refused }) => {
  const { texts, path } = useVisit();
  const { code, message } = refused;
  return (
    <section class="failure">
      <p class="eyebrow">{refused.status}</p>
      <h1>{code === 'not_found' ? texts.errors.not_found : texts.errors.title}</h1>
      {code === 'not_found' ? null : <p class="lead">{texts.errors[code]}</p>}
      {explained.includes(code) ? <p class="quiet">{message}</p> : null}
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
