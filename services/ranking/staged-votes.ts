/**
 * The votes of a view that is being built, until all have come. They come in the order of time, and over a million movies nearly
 * each would change a page of its own. So they are put down by neighbouring movies first, and sorted as their rows are before
 * they are applied: each page is written once.
 */
import { type Database, smallCache } from '../../shared/views/database.ts';

/** A vote, with what matters of its event. `revision` is the sequence of the event; an event has one vote of a viewer for a movie. */
export interface GivenVote {
  movieId: number;
  voterId: string;
  liked: boolean;
  site: string;
  time: number;
  revision: number;
}

/** So many movies with neighbouring ids are one place. There are few places, so that a page of each fits into memory. */
const neighbours = 4096;
/** So many are applied in one transaction: a fraction of a second. */
const atOnce = 20_000;
/** So many of a place are sorted together, which takes seconds. The most popular movies may have ten times as many. */
const mostSorted = 4_000_000;

const columns = 'movie_id, voter_id, site, revision, liked, time';
const key = 'movie_id, voter_id, site, revision';

export class StagedVotes {
  readonly #db: Database;
  readonly #mostSorted: number;
  readonly #put;
  readonly #lowest;
  readonly #end;
  readonly #move;
  readonly #first;
  readonly #remove;

  constructor(db: Database, most = mostSorted) {
    this.#db = db;
    this.#mostSorted = most;
    const { $client: client } = db;
    client.exec(`
      CREATE TABLE IF NOT EXISTS staged_votes (
        place INTEGER, revision INTEGER, site TEXT, movie_id INTEGER, voter_id TEXT, liked INTEGER, time INTEGER,
        PRIMARY KEY (place, revision, site, movie_id, voter_id)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS sorted_votes (
        movie_id INTEGER, voter_id TEXT, site TEXT, revision INTEGER, liked INTEGER, time INTEGER,
        PRIMARY KEY (${key})) WITHOUT ROWID`);
    this.#put = client.prepare(`INSERT OR IGNORE INTO staged_votes (place, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#lowest = client.prepare<[], number | null>('SELECT min(place) FROM staged_votes').pluck();
    this.#end = client
      .prepare<[number, number], number>(
        'SELECT revision FROM staged_votes WHERE place = ? ORDER BY revision LIMIT 1 OFFSET ?',
      )
      .pluck();
    const some = 'FROM staged_votes WHERE place = ? AND revision <= ?';
    this.#move = [
      client.prepare(`INSERT INTO sorted_votes SELECT ${columns} ${some} ORDER BY ${key}`),
      client.prepare(`DELETE ${some}`),
    ];
    this.#first = client.prepare<[number], Omit<GivenVote, 'liked'> & { liked: number }>(
      `SELECT movie_id AS movieId, voter_id AS voterId, site, revision, liked, time
       FROM sorted_votes ORDER BY ${key} LIMIT ?`,
    );
    this.#remove = client.prepare(`DELETE FROM sorted_votes WHERE (${key}) <= (?, ?, ?, ?)`);
  }

  put({ movieId, voterId, liked, site, time, revision }: GivenVote): void {
    this.#put.run(Math.floor(movieId / neighbours), movieId, voterId, site, revision, liked ? 1 : 0, time);
  }

  /** Takes some of them away, movie by movie, those of a viewer at a site in the order of its stream; none when there are none. */
  take(): GivenVote[] {
    let found = this.#first.all(atOnce);
    if (found.length === 0) {
      this.#sort();
      found = this.#first.all(atOnce);
    }
    const last = found.at(-1);
    if (last) this.#remove.run(last.movieId, last.voterId, last.site, last.revision);
    return found.map(({ liked, ...vote }) => ({ ...vote, liked: liked === 1 }));
  }

  /** Sorts those of the next place, or the first of them. What comes for it from now on is taken behind these. */
  #sort(): void {
    const place = this.#lowest.get();
    if (typeof place !== 'number') return;
    const end = this.#end.get(place, this.#mostSorted) ?? Number.MAX_SAFE_INTEGER;
    using _ = smallCache(this.#db);
    for (const statement of this.#move) statement.run(place, end);
  }

  /** Removes what they were kept in. */
  drop(): void {
    this.#db.$client.exec('DROP TABLE IF EXISTS staged_votes; DROP TABLE IF EXISTS sorted_votes');
  }
}
