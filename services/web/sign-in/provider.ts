/** An OpenID Connect provider: authorization code with PKCE, refresh, and its own sign-out. */
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';
import { createToken } from '../../../shared/operations/create-token.ts';
import { AppError } from '../../../shared/operations/errors.ts';
import { isUserId } from '../../../shared/operations/ids.ts';
import type { Config } from '../../../shared/process/config.ts';
import type { Session } from './session.ts';

/** State that is kept while a viewer is at the provider. */
export interface Start {
  verifier: string;
  state: string;
  nonce: string;
  next: string;
}

/** Lifetime of a service token. It is short so that revoked roles end soon; the refresh token renews it. */
const tokenLifetime = '15m';
const timeoutS = 5;
const knownRoles = ['agent', 'admin'];

export class Provider {
  readonly #config: Config;
  readonly #oidc: NonNullable<Config['oidc']>;
  #client: Promise<oidc.Configuration> | undefined;
  /** Refreshes by token. A provider may accept each refresh token only once, so concurrent requests share a result. */
  readonly #refreshing = new Map<string, Promise<Session | null>>();

  constructor(config: Config, provider: NonNullable<Config['oidc']>) {
    this.#config = config;
    this.#oidc = provider;
  }

  /** Starts a sign-in. @returns the provider's URL to redirect to, and the state that `finish` needs */
  async start(redirectUri: string, next: string): Promise<{ url: URL; start: Start }> {
    const client = await this.#ready();
    const start = {
      verifier: oidc.randomPKCECodeVerifier(),
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      next,
    };
    const url = oidc.buildAuthorizationUrl(client, {
      redirect_uri: redirectUri,
      scope: this.#oidc.scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(start.verifier),
      code_challenge_method: 'S256',
      state: start.state,
      nonce: start.nonce,
    });
    return { url, start };
  }

  /** Finishes a sign-in. @param url of the callback @returns the new session @throws AppError unauthenticated */
  async finish(url: URL, { verifier, state, nonce }: Start): Promise<Session> {
    const client = await this.#ready();
    const tokens = await mapErrors(
      oidc.authorizationCodeGrant(client, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      }),
    );
    const claims = tokens.claims();
    if (!claims || !isUserId(claims.sub)) throw new AppError('unauthenticated', 'The provider sent no valid user id.');
    return this.#session(claims.sub, rolesIn(claims, this.#oidc.rolesClaim), tokens.refresh_token);
  }

  /** Renews the token of a session. @returns null if the provider refuses @throws AppError unavailable */
  refresh({ token, refresh }: Session): Promise<Session | null> {
    if (token === undefined || refresh === undefined) return Promise.resolve(null);
    let refreshed = this.#refreshing.get(refresh);
    if (!refreshed) {
      refreshed = this.#refresh(token, refresh);
      this.#refreshing.set(refresh, refreshed);
      const forget = (): void => void this.#refreshing.delete(refresh);
      // Requests that were sent before the new cookie arrived still carry the old refresh token.
      refreshed.then(() => setTimeout(forget, 30_000).unref(), forget);
    }
    return refreshed;
  }

  /** Returns the URL that ends the provider's own session, or undefined if the provider has none. */
  async signOutUrl(back: string): Promise<URL | undefined> {
    const client = await this.#ready();
    if (client.serverMetadata().end_session_endpoint === undefined) return undefined;
    return oidc.buildEndSessionUrl(client, { post_logout_redirect_uri: back });
  }

  async #refresh(token: string, refresh: string): Promise<Session | null> {
    const client = await this.#ready();
    try {
      const tokens = await mapErrors(oidc.refreshTokenGrant(client, refresh));
      const claims = tokens.claims();
      const before = decodeJwt<{ roles?: string[] }>(token);
      const roles = claims ? rolesIn(claims, this.#oidc.rolesClaim) : (before.roles ?? []);
      return await this.#session(claims?.sub ?? before.sub ?? '', roles, tokens.refresh_token ?? refresh);
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') return null;
      throw error;
    }
  }

  async #session(userId: string, roles: string[], refresh: string | undefined): Promise<Session> {
    const token = await createToken(this.#config, { userId, roles, expiresIn: tokenLifetime });
    return { token, ...(refresh === undefined ? {} : { refresh }) };
  }

  /** Discovers the provider's configuration at the first use, and again after a failure. */
  #ready(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#oidc;
    const insecure = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
    this.#client ??= oidc
      .discovery(new URL(issuer), clientId, clientSecret, undefined, { timeout: timeoutS, execute: insecure })
      .catch((error: unknown) => {
        this.#client = undefined;
        throw new AppError('unavailable', 'The identity provider is not responding.', { cause: error });
      });
    return this.#client;
  }
}

/** Maps a refusal of the provider to unauthenticated, and any other failure to unavailable. */
async function mapErrors<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const refused =
      error instanceof oidc.ResponseBodyError ||
      error instanceof oidc.AuthorizationResponseError ||
      error instanceof oidc.ClientError;
    const code = refused ? 'unauthenticated' : 'unavailable';
    throw new AppError(code, 'The identity provider did not complete the sign-in.', { cause: error });
  }
}

/** Returns the known roles in a claim. Dots in its name lead into objects, as in `realm_access.roles`. */
export function rolesIn(claims: object, name: string): string[] {
  const value = name
    .split('.')
    .reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined), claims);
  const all = Array.isArray(value) ? value : typeof value === 'string' ? value.split(' ') : [];
  return all.filter((role): role is string => knownRoles.includes(role));
}
