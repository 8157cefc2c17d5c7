/** A visitor who only reads. */
import { send } from './client.ts';
import { type Actor, type Desk, entrance } from './ledger.ts';
import { likedMovies } from './likes.ts';
import { lists } from './lists.ts';

const paths: readonly (readonly [service: string, path: string])[] = [
  ...Object.entries(lists).flatMap(([service, own]) => own.map((path) => [service, path] as const)),
  ['movies', '/movies?limit=20&sort=-rating'],
  ['movies', '/movies?q=film'],
  ['ranking', '/ranking/genre/chaos?by=trending'],
  ['reminder', '/reminder/viewer-1-0'],
  ['support', '/support/asker-1-0'],
];

export class Queries implements Actor {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async step(): Promise<void> {
    const { random, ledger } = this.#desk;
    const [service, path] = random.chance(0.4) ? this.#movie() : random.pick(paths);
    const { url, direct } = entrance(this.#desk, service);
    const { status, body } = await send('GET', url + path);
    ledger.count('query', status < 300 && status > 0 ? 'answered' : 'failed');
    if (status !== 200)
      ledger.count(
        'query failed',
        `${direct ? 'direct' : 'gateway'}: ${status === 0 ? 'no connection' : String(body.detail)}`,
      );
    // A query may fail while its service is away, but must never get another error.
    if (![0, 200, 503].includes(status)) ledger.found(`GET ${path} was answered ${status} ${JSON.stringify(body)}`);
  }

  #movie(): readonly [string, string] {
    const movieId = this.#desk.random.pick(likedMovies);
    return this.#desk.random.pick([
      ['movies', `/movies/${movieId}`],
      ['ranking', `/votes/${movieId}`],
    ] as const);
  }

  check(): Promise<void> {
    return Promise.resolve();
  }
}
