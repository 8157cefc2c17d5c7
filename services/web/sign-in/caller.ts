/** Who has signed in, by the session of a request. A token that is over is made anew where there is a provider. */
import type { Caller, Identity } from '../../../shared/operations/access.ts';
import type { PageContext } from '../visit.ts';
import type { Provider } from './provider.ts';
import type { Session, Sessions } from './session.ts';

/** So long before its end a token is made anew, in milliseconds: what is asked with it takes a while. */
const marginMs = 60_000;

interface Signing {
  sessions: Sessions;
  provider: Provider | undefined;
}

/** The caller, and the token that the services know them by. Someone whose session is over is nobody. */
export async function callerOf(
  c: PageContext,
  identity: Identity,
  { sessions, provider }: Signing,
): Promise<{ caller: Caller; token: string | undefined }> {
  const session = await sessions.read(c);
  const known = session && (await knownCaller(session, identity));
  if (known && (known.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now() + marginMs) {
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

/** Undefined for a token that is not, or no longer, valid. */
async function knownCaller(session: Session, identity: Identity): Promise<Caller | undefined> {
  try {
    return await identity.of(session);
  } catch {
    return undefined;
  }
}
