/** An OpenID Connect provider: authorization code with PKCE, refresh, and its own sign-out. */
import { decodeJwt } from 'jose';
import * as oidc from 'openid-client';
import { createToken } from '../../../shared/operations/create-token.ts';
import { AppError } from '../../../shared/operations/errors.ts';
import { isUserId } from '../../../shared/operations/ids.ts';
import type { Config } from '../../../shared/process/config.ts';
import type { Session } from './session.ts';

/** What has to be remembered while somebody is at the provider. */
export interface Start {
  verifier: string;
  state: string;
  nonce: string;
  next: string;
}

/** Tokens of the services are short, so that roles that are taken away are gone soon; they are made anew by the refresh token. */
const tokenLife = '15m';
const askedWithinS = 5;
const knownRoles = ['agent', 'admin'];

export class Provider {
  readonly #config: Config;
  readonly #oidc: NonNullable<Config['oidc']>;
  #client: Promise<oidc.Configuration> | undefined;
  /** A refresh token may be used once: requests that come together use it together. */
  readonly #refreshing = new Map<string, Promise<Session | undefined>>();

  constructor(config: Config, provider: NonNullable<Config['oidc']>) {
    this.#config = config;
    this.#oidc = provider;
  }

  /** Where to send somebody who wants to sign in, and what to remember of it. */
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

  /** The session of who comes back. @param url that they came back to @throws AppError unauthenticated */
  async finish(url: URL, { verifier, state, nonce }: Start): Promise<Session> {
    const client = await this.#ready();
    const tokens = await refusedAs(
      oidc.authorizationCodeGrant(client, url, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      }),
    );
    const claims = tokens.claims();
    if (!claims || !isUserId(claims.sub)) throw new AppError('unauthenticated', 'The provider names no user (sub).');
    return this.#session(claims.sub, rolesIn(claims, this.#oidc.rolesClaim), tokens.refresh_token);
  }

  /** The session with a new token; undefined where the provider gives no more. @throws AppError unavailable */
  refresh({ token, refresh }: Session): Promise<Session | undefined> {
    if (token === undefined || refresh === undefined) return Promise.resolve(undefined);
    let refreshed = this.#refreshing.get(refresh);
    if (!refreshed) {
      refreshed = this.#refresh(token, refresh);
      this.#refreshing.set(refresh, refreshed);
      const forget = (): void => void this.#refreshing.delete(refresh);
      // Those that come a moment later have the old cookie, too.
      refreshed.then(() => setTimeout(forget, 30_000).unref(), forget);
    }
    return refreshed;
  }

  /** Where the provider ends its own session; undefined where it has no such address. */
  async signOutUrl(back: string): Promise<URL | undefined> {
    const client = await this.#ready();
    if (client.serverMetadata().end_session_endpoint === undefined) return undefined;
    return oidc.buildEndSessionUrl(client, { post_logout_redirect_uri: back });
  }

  async #refresh(token: string, refresh: string): Promise<Session | undefined> {
    const client = await this.#ready();
    try {
      const tokens = await refusedAs(oidc.refreshTokenGrant(client, refresh));
      const claims = tokens.claims();
      const before = decodeJwt<{ roles?: string[] }>(token);
      const roles = claims ? rolesIn(claims, this.#oidc.rolesClaim) : (before.roles ?? []);
      return await this.#session(claims?.sub ?? before.sub ?? '', roles, tokens.refresh_token ?? refresh);
    } catch (error) {
      if (error instanceof AppError && error.code === 'unauthenticated') return undefined;
      throw error;
    }
  }

  async #session(userId: string, roles: string[], refresh: string | undefined): Promise<Session> {
    const token = await createToken(this.#config, { userId, roles, expiresIn: tokenLife });
    return { token, ...(refresh === undefined ? {} : { refresh }) };
  }

  /** The provider's own description, looked up when it is needed, and again when that failed. */
  #ready(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#oidc;
    const insecure = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
    this.#client ??= oidc
      .discovery(new URL(issuer), clientId, clientSecret, undefined, { timeout: askedWithinS, execute: insecure })
      .catch((error: unknown) => {
        this.#client = undefined;
        throw new AppError('unavailable', 'The identity provider does not answer.', { cause: error });
      });
    return this.#client;
  }
}

/** What a provider refuses is the caller's matter; that it does not answer is not. */
async function refusedAs<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const refused =
      error instanceof oidc.ResponseBodyError ||
      error instanceof oidc.AuthorizationResponseError ||
      error instanceof oidc.ClientError;
    const code = refused ? 'unauthenticated' : 'unavailable';
    throw new AppError(code, 'The identity provider did not sign anybody in.', { cause: error });
  }
}

/** Roles by the name of a claim; dots lead into it (`realm_access.roles`). Others than ours are left out. */
export function rolesIn(claims: object, name: string): string[] {
  const value = name
    .split('.')
    .reduce<unknown>((at, part) => (typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined), claims);
  const all = Array.isArray(value) ? value : typeof value === 'string' ? value.split(' ') : [];
  return all.filter((role): role is string => knownRoles.includes(role));
}
