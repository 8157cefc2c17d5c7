/** The caller of a request, from its session. An expired token is renewed if there is an OpenID Connect provider. */
import type { Caller, Identity } from '../../../shared/operations/access.ts';
import { within } from '../../../shared/process/within.ts';
import type { PageContext } from '../visit.ts';
import type { Provider } from './provider.ts';
import type { Session, Sessions } from './session.ts';

/** How long before it expires a token is renewed, because the requests made with it take some time. */
const renewBeforeMs = 60_000;

export interface Signing {
  sessions: Sessions;
  identity: Identity;
  /** The OpenID Connect provider, if one is configured. */
  provider: Provider | undefined;
  /** How long a page waits for the provider. */
  maxWaitMs: number;
}

interface Found {
  caller: Caller;
  /** Token to pass to the services. */
  token: string | undefined;
  /** Set if the session has expired and the provider did not answer in time. A late answer is for the next page. */
  providerIsSilent?: boolean;
}

/** Returns the caller of a request; an anonymous one if the session has expired. */
export async function callerOf(c: PageContext, signing: Signing): Promise<Found> {
  const { sessions, identity, provider, maxWaitMs } = signing;
  const anonymous = { caller: { userId: undefined, roles: [], open: identity.open }, token: undefined };
  const session = await sessions.read(c);
  if (!session) return anonymous;
  const caller = await knownCaller(session, identity);
  const lastsLonger = caller && (caller.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now() + renewBeforeMs;
  if (lastsLonger) return { caller, token: session.token };
  const renewed = provider ? await within(provider.refresh(session), maxWaitMs).catch(() => undefined) : null;
  const renewedCaller = renewed && (await knownCaller(renewed, identity));
  if (renewedCaller) {
    await sessions.write(c, renewed);
    return { caller: renewedCaller, token: renewed.token };
  }
  // Until it expires, the old token still works.
  return caller ? { caller, token: session.token } : { ...anonymous, providerIsSilent: renewed === undefined };
}

/** Returns the caller of a session, or undefined if its token is not valid or has expired. */
export async function knownCaller(session: Session, identity: Identity): Promise<Caller | undefined> {
  try {
    return await identity.of(session);
  } catch {
    return undefined;
  }
}
