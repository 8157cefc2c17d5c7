/** An editor who adds, changes and removes movies; now and then two add the same ones at the same time. */
import { send } from './client.ts';
import { type Actor, type Answers, type Desk, entrance, Register } from './ledger.ts';

/** Expected state of a movie; null if it was removed or never added. */
type State = { title: string; revision: number | null } | null;

interface Movie {
  movieId: number;
  register: Register<State>;
}

interface Reply {
  revision: number;
  title: string;
}

export class Movies implements Actor {
  readonly #desk: Desk;
  readonly #movies: Movie[] = [];
  #titles = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async step(): Promise<void> {
    const { random } = this.#desk;
    const sure = this.#movies.filter(({ register }) => register.sure);
    const movie = sure.length > 3 && random.chance(0.6) ? random.pick(sure) : this.#new();
    if (movie.register.state === null) return random.chance(0.1) ? this.#races(movie) : this.#put(movie, 'POST');
    if (random.chance(0.3)) return this.#remove(movie);
    if (random.chance(0.2)) return this.#stale(movie);
    return this.#put(movie, 'PUT');
  }

  #new(): Movie {
    const movieId = 1_000_000 + this.#desk.worker * 100_000 + this.#movies.length;
    const movie = { movieId, register: new Register<State>(null) };
    this.#movies.push(movie);
    return movie;
  }

  #title(): string {
    return `Film ${this.#desk.worker} ${this.#titles++}`;
  }

  async #put({ movieId, register }: Movie, method: 'POST' | 'PUT'): Promise<void> {
    const title = this.#title();
    const { url } = entrance(this.#desk, 'movies');
    const revision = register.state?.revision ?? null;
    const headers: Record<string, string> =
      method === 'PUT' && revision !== null ? { 'if-match': `"${revision}"` } : {};
    const path = method === 'POST' ? '/movies' : `/movies/${movieId}`;
    const body = { ...(method === 'POST' ? { movieId } : {}), title, genres: ['Chaos', 'Drama'] };
    const result = await send<Reply>(method, url + path, { body, headers });
    register.write(result, { title, revision: result.body.revision ?? null });
    this.#desk.ledger.count(method === 'POST' ? 'add movie' : 'change movie', result.outcome);
    this.#expect(result, `${method} ${path}`);
  }

  async #remove({ movieId, register }: Movie): Promise<void> {
    const result = await send('DELETE', `${entrance(this.#desk, 'movies').url}/movies/${movieId}`);
    register.write(result, null);
    this.#desk.ledger.count('remove movie', result.outcome);
    this.#expect(result, `DELETE /movies/${movieId}`);
  }

  /** Checks that a change of an old revision is refused. */
  async #stale({ movieId, register }: Movie): Promise<void> {
    const { revision } = register.state as NonNullable<State>;
    if (revision === null) return;
    const headers = { 'if-match': `"${revision - 1}"` };
    const url = `${entrance(this.#desk, 'movies').url}/movies/${movieId}`;
    const result = await send('PUT', url, { body: { title: 'Stale', genres: [] }, headers });
    this.#desk.ledger.count('stale change', result.outcome);
    if (result.outcome === 'acknowledged') this.#desk.ledger.found(`a stale change of movie ${movieId} was accepted`);
  }

  /** Two editors add the same movies at the same time, enough to be sent in batches. */
  async #races(movie: Movie): Promise<void> {
    const others = Array.from({ length: 23 }, () => this.#new());
    await Promise.all([movie, ...others].map((each) => this.#race(each)));
  }

  async #race({ movieId, register }: Movie): Promise<void> {
    const titles = [this.#title(), this.#title()];
    const results = await Promise.all(
      titles.map((title) => {
        const body = { movieId, title, genres: ['Race'] };
        return send<Reply>('POST', `${entrance(this.#desk, 'movies').url}/movies`, { body });
      }),
    );
    const states = results.map(({ outcome, body }, index) => ({
      outcome,
      state: { title: titles[index] as string, revision: outcome === 'acknowledged' ? body.revision : null },
    }));
    for (const { outcome } of states) this.#desk.ledger.count('add at once', outcome);
    const won = states.filter(({ outcome }) => outcome === 'acknowledged');
    if (won.length > 1) this.#desk.ledger.found(`movie ${movieId} was added twice`);
    const open = states.filter(({ outcome }) => outcome === 'unknown').map(({ state }) => state);
    register.possible = won.length > 0 ? won.map(({ state }) => state) : [null, ...open];
  }

  #expect({ outcome, status, body }: { outcome: string; status: number; body: object }, what: string): void {
    if (outcome !== 'refused' || status === 0 || status === 503) return;
    this.#desk.ledger.found(`${what} was refused with ${status} ${JSON.stringify(body)}`);
  }

  check({ movies }: Answers): Promise<void> {
    for (const { member, items } of movies) {
      const shown = new Map(items.map((item) => [item.movieId, item]));
      for (const { movieId, register } of this.#movies) {
        const movie = shown.get(movieId);
        const fits = register.possible.some((state) =>
          state === null
            ? movie === undefined
            : movie?.title === state.title && (state.revision === null || state.revision === movie.revision),
        );
        if (fits) continue;
        const possible = JSON.stringify(register.possible);
        const found = movie ? `"${movie.title}" at ${movie.revision}` : 'nothing';
        this.#desk.ledger.found(`${member.name} shows ${found} for movie ${movieId}: possible ${possible}`);
      }
    }
    return Promise.resolve();
  }
}
