/**
 * The votes of a view that is being built, until all have come. They come in the order of time, and over a million movies nearly
 * each would change a page of its own. Put down by neighbouring movies first, those of the same pages are applied together.
 */
import type { Database } from '../../shared/views/database.ts';

/** A vote, with what matters of its event. `revision` is the sequence of the event; an event has one vote of a viewer for a movie. */
export interface GivenVote {
  movieId: number;
  voterId: string;
  liked: boolean;
  site: string;
  time: number;
  revision: number;
}

/** Movies that are neighbours: few enough that their votes fit into memory, of all movies as few groups that each is on one page. */
const neighbours = 1024;
/** So many are applied in one transaction: a fraction of a second. */
const atOnce = 20_000;

const key = 'place, revision, site, movie_id, voter_id';

export class StagedVotes {
  readonly #db: Database;
  readonly #put;
  readonly #first;
  readonly #remove;

  constructor(db: Database) {
    this.#db = db;
    const { $client: client } = db;
    client.exec(`CREATE TABLE IF NOT EXISTS staged_votes (
      place INTEGER, revision INTEGER, site TEXT, movie_id INTEGER, voter_id TEXT, liked INTEGER, time INTEGER,
      PRIMARY KEY (${key})) WITHOUT ROWID`);
    this.#put = client.prepare(`INSERT OR IGNORE INTO staged_votes (${key}, liked, time) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#first = client.prepare<[number], Omit<GivenVote, 'liked'> & { liked: number; place: number }>(
      `SELECT place, movie_id AS movieId, voter_id AS voterId, liked, site, time, revision
       FROM staged_votes ORDER BY ${key} LIMIT ?`,
    );
    this.#remove = client.prepare(`DELETE FROM staged_votes WHERE (${key}) <= (?, ?, ?, ?, ?)`);
  }

  put({ movieId, voterId, liked, site, time, revision }: GivenVote): void {
    this.#put.run(Math.floor(movieId / neighbours), revision, site, movieId, voterId, liked ? 1 : 0, time);
  }

  /** Takes the first of them away, those of a site in the order of its stream; none when there are none. */
  take(): GivenVote[] {
    const found = this.#first.all(atOnce);
    const last = found.at(-1);
    if (last) this.#remove.run(last.place, last.revision, last.site, last.movieId, last.voterId);
    return found.map(({ liked, ...vote }) => ({ ...vote, liked: liked === 1 }));
  }

  /** Removes what they were kept in. */
  drop(): void {
    this.#db.$client.exec('DROP TABLE IF EXISTS staged_votes');
  }
}
