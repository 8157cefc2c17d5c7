/** Helpers for tests of the pages: films, and a client without scripts. */
import { createToken } from '../../shared/operations/create-token.ts';
import { until } from '../../tests/harness.ts';

/** JWT_SECRET of the tests that verify tokens. */
export const secret = 'a secret of at least thirty-two characters';

/** Creates a token that is signed with the secret. */
export function tokenOf(userId: string, ...roles: string[]): Promise<string> {
  const access = { secret, jwksUrl: undefined, issuer: undefined, audience: undefined, clockToleranceS: 0 };
  return createToken({ access }, { userId, roles, expiresIn: '1h' });
}

/** A title that breaks pages which do not escape it or do not wrap it. */
export const hostileTitle = `<script>alert(1)</script> "quoted" & ${'very long '.repeat(30)}`
  .slice(0, 287)
  .concat('👩‍🚀');

export const films = [
  {
    movieId: 1,
    title: 'Alien',
    genres: ['Horror', 'Sci-Fi'],
    director: 'Ridley Scott',
    actors: ['Sigourney Weaver'],
    year: 1979,
    rating: 8.5,
    votes: 900,
  },
  {
    movieId: 2,
    title: 'Blade Runner',
    genres: ['Sci-Fi'],
    director: 'Ridley Scott',
    year: 1982,
    rating: 8.1,
    votes: 800,
  },
  {
    movieId: 3,
    title: hostileTitle,
    genres: ['Drama', 'W'.repeat(40)],
    description: `</p><img src=x onerror=alert(1)>${'x'.repeat(500)}`,
    year: 2001,
  },
  { movieId: 4, title: 'ملك الصحراء 👩‍🚀', genres: ['Adventure'] },
];

/** A browser without scripts: keeps cookies, sends forms and follows redirects. */
export class Visitor {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #cookies = new Map<string, string>();

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  /** Opens a page. */
  async open(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.#follow(await this.#send(path, { headers }));
  }

  /** Opens a page repeatedly until it contains the text. */
  async waitFor(path: string, text: string): Promise<void> {
    await until(async () => (await this.open(path)).html.includes(text), `${path} to contain ${text}`);
  }

  /** Sends a form as a browser does, and follows the redirect. */
  async submit(path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Page> {
    return this.#follow(await this.post(path, fields, { 'sec-fetch-site': 'same-origin', ...headers }));
  }

  /** Sends a form with a file, and follows the redirect. */
  async upload(
    path: string,
    name: string,
    content: string | Uint8Array<ArrayBuffer>,
    fields: Record<string, string> = {},
  ): Promise<Page> {
    const body = new FormData();
    for (const [field, value] of Object.entries(fields)) body.set(field, value);
    body.set('file', new File([content], name));
    return this.#follow(await this.#send(path, { method: 'POST', body, headers: { 'sec-fetch-site': 'same-origin' } }));
  }

  /** Sends a form with only these headers, without following redirects. */
  post(path: string, fields: Record<string, string>, headers: Record<string, string>): Promise<Response> {
    return this.#send(path, { method: 'POST', body: new URLSearchParams(fields), headers });
  }

  async #follow(response: Response): Promise<Page> {
    const to = response.status === 303 ? response.headers.get('location') : null;
    if (to !== null) return this.open(to);
    const { status, headers } = response;
    return { status, headers, path: response.url.slice(this.#url.length), html: await response.text() };
  }

  async #send(path: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...this.#headers, ...(cookie ? { cookie } : {}), ...init.headers };
    const response = await fetch(this.#url + path, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

export interface Page {
  status: number;
  headers: Headers;
  /** Path and query after redirects. */
  path: string;
  html: string;
}
