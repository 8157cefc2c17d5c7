/** The caller of a request, from its session. An expired token is renewed if there is an OpenID Connect provider. */
import type { Caller, Identity } from '../../../shared/operations/access.ts';
import type { PageContext } from '../visit.ts';
import type { Provider } from './provider.ts';
import type { Session, Sessions } from './session.ts';

/** How long before it expires a token is renewed, because the requests made with it take some time. */
const renewBeforeMs = 60_000;

interface Signing {
  sessions: Sessions;
  provider: Provider | undefined;
}

/** Returns the caller and the token to pass to the services; an anonymous caller if the session has expired. */
export async function callerOf(
  c: PageContext,
  identity: Identity,
  { sessions, provider }: Signing,
): Promise<{ caller: Caller; token: string | undefined }> {
  const session = await sessions.read(c);
  const known = session && (await knownCaller(session, identity));
  if (known && (known.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now() + renewBeforeMs) {
    return { caller: known, token: session.token };
  }
  const fresh = session && (await provider?.refresh(session).catch(() => undefined));
  const caller = fresh && (await knownCaller(fresh, identity));
  if (caller) {
    await sessions.write(c, fresh);
    return { caller, token: fresh.token };
  }
  if (known) return { caller: known, token: session.token };
  return { caller: { userId: undefined, roles: [], open: identity.open }, token: undefined };
}

/** Returns the caller of a session, or undefined if its token is not valid or has expired. */
async function knownCaller(session: Session, identity: Identity): Promise<Caller | undefined> {
  try {
    return await identity.of(session);
  } catch {
    return undefined;
  }
}
