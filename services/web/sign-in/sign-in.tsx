/** Signing in and out. With open access a name is enough; otherwise a link contains a token, or a provider signs in. */
import type { FC } from 'hono/jsx';
import { visibleText } from '../../../shared/operations/fields.ts';
import { within } from '../../../shared/process/within.ts';
import { hrefOf, Problem, useVisit } from '../components.tsx';
import { ownPath } from '../form.ts';
import { keepZone } from '../small-cookies.ts';
import type { PageContext } from '../visit.ts';
import { knownCaller, type Signing } from './caller.ts';

const maxCharacters = 64;

/** GET /sign-in. With `token` in the query, asks the viewer to confirm the user that the token is for. */
export function signInPage(signing: Signing) {
  const { identity } = signing;
  return async (c: PageContext): Promise<Response> => {
    const { token } = c.req.query();
    if (token === undefined || identity.open) return showSignIn(c, signing, {});
    const name = (await knownCaller({ token }, identity))?.userId;
    const problem = c.var.visit.texts.signIn.badLink;
    return showSignIn(c, signing, name === undefined ? { problem } : { token, name });
  };
}

interface Shown {
  problem?: string;
  /** Path to continue at; the one in the query by default. */
  next?: string | undefined;
  token?: string;
  name?: string;
}

/** Renders the page of signing in. */
export function showSignIn(
  c: PageContext,
  { provider }: Pick<Signing, 'provider'>,
  shown: Shown,
): Response | Promise<Response> {
  const { title } = c.var.visit.texts.signIn;
  const next = ownPath(shown.next ?? c.req.query('next'), '/');
  if (shown.problem !== undefined) c.status(400);
  return c.render(<SignIn {...shown} next={next} hasProvider={provider !== undefined} />, { title });
}

const SignIn: FC<Shown & { next: string; hasProvider: boolean }> = ({ problem, token, name, next, hasProvider }) => {
  const { texts, caller, userId } = useVisit();
  return (
    <form class="sheet narrow" method="post" action="/sign-in">
      <h1>
        {name !== undefined
          ? texts.signIn.confirm(name)
          : userId === undefined
            ? texts.signIn.title
            : texts.signIn.as(userId)}
      </h1>
      {name === undefined && userId === undefined ? <p>{texts.signIn.needed}</p> : null}
      <Problem text={problem} />
      <input type="hidden" name="next" value={next} />
      {token === undefined ? null : <input type="hidden" name="token" value={token} />}
      {caller.open ? (
        <label>
          <span>{texts.signIn.name}</span>
          <input
            name="name"
            required
            maxlength={maxCharacters}
            autocomplete="nickname"
            autofocus={userId === undefined}
            value={userId}
            aria-describedby="name-hint"
          />
          <span class="quiet" id="name-hint">
            {texts.signIn.nameHint}
          </span>
        </label>
      ) : userId === undefined && token === undefined ? (
        hasProvider ? (
          <a class="button strong" href={hrefOf('/sign-in/start', { next })}>
            {texts.signIn.withProvider}
          </a>
        ) : (
          <p>{texts.signIn.withLink}</p>
        )
      ) : null}
      <ZoneField />
      <button type="submit" class="button strong">
        {token === undefined && !caller.open ? texts.save : texts.signIn.go}
      </button>
    </form>
  );
};

const ZoneField: FC = () => {
  const { texts, zone } = useVisit();
  const zones = Intl.supportedValuesOf('timeZone');
  return (
    <label>
      <span>{texts.signIn.zone}</span>
      <select name="zone">
        {[...new Set(['UTC', zone, ...zones])].sort().map((name) => (
          <option selected={name === zone}>{name}</option>
        ))}
      </select>
      <span class="quiet">{texts.signIn.zoneHint}</span>
    </label>
  );
};

/** POST /sign-in */
export function signIn(signing: Signing) {
  const { sessions, identity } = signing;
  return async (c: PageContext): Promise<Response> => {
    const { form, texts } = c.var.visit;
    const { name, next, token, zone = '' } = form;
    keepZone(c, zone);
    if (identity.open) {
      const user = visibleText(maxCharacters).safeParse(name?.normalize()).data;
      if (user === undefined) return showSignIn(c, signing, { problem: texts.signIn.badName, next });
      await sessions.write(c, { user });
    } else if (token !== undefined) {
      if ((await knownCaller({ token }, identity))?.userId === undefined) {
        return showSignIn(c, signing, { problem: texts.signIn.badLink, next });
      }
      await sessions.write(c, { token });
    }
    return c.redirect(ownPath(next, '/'), 303);
  };
}

/** POST /sign-out. Signs out here and at the provider. */
export function signOut({ sessions, provider, maxWaitMs }: Signing) {
  return async (c: PageContext): Promise<Response> => {
    sessions.clear(c);
    // If the provider is not responding, the viewer is still signed out here.
    const asked = async () => provider?.signOutUrl(`${sessions.originOf(c)}/`);
    const atProvider = await within(asked(), maxWaitMs).catch(() => undefined);
    return c.redirect(atProvider?.href ?? '/', 303);
  };
}
