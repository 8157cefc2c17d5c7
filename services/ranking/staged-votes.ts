/**
 * Holds the votes of a view that is being built until all of them have been read. They arrive in the order of time, so
 * with a million movies nearly every vote would change a different page. Instead, they are first stored in buckets of
 * neighbouring movies, and then sorted by the key of their final rows, bucket by bucket. So each page is written once.
 */
import { type Database, smallCache } from '../../shared/views/database.ts';

/** A vote with site, time and sequence (`revision`) of its event, which has at most one vote per viewer and movie. */
export interface StoredVote {
  movieId: number;
  voterId: string;
  liked: boolean;
  site: string;
  time: number;
  revision: number;
}

/** Consecutive movie ids per bucket (column `place`): so few buckets that a page of each fits into memory. */
const moviesPerBucket = 4096;
/** Votes per transaction, which takes a fraction of a second. */
const votesPerStep = 20_000;
/** Votes of a bucket that are sorted together, which takes seconds. Popular movies may have ten times as many. */
const defaultMaxSorted = 4_000_000;

const columns = 'movie_id, voter_id, site, revision, liked, time';
const key = 'movie_id, voter_id, site, revision';

export class StagedVotes {
  readonly #db: Database;
  readonly #maxSorted: number;
  readonly #put;
  readonly #firstBucket;
  readonly #revisionAt;
  readonly #moveToSorted;
  readonly #firstSorted;
  readonly #removeSorted;

  constructor(db: Database, maxSorted = defaultMaxSorted) {
    this.#db = db;
    this.#maxSorted = maxSorted;
    const { $client: client } = db;
    client.exec(`
      CREATE TABLE IF NOT EXISTS staged_votes (
        place INTEGER, revision INTEGER, site TEXT, movie_id INTEGER, voter_id TEXT, liked INTEGER, time INTEGER,
        PRIMARY KEY (place, revision, site, movie_id, voter_id)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS sorted_votes (
        movie_id INTEGER, voter_id TEXT, site TEXT, revision INTEGER, liked INTEGER, time INTEGER,
        PRIMARY KEY (${key})) WITHOUT ROWID`);
    this.#put = client.prepare(`INSERT OR IGNORE INTO staged_votes (place, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#firstBucket = client.prepare<[], number | null>('SELECT min(place) FROM staged_votes').pluck();
    this.#revisionAt = client
      .prepare<[number, number], number>(
        'SELECT revision FROM staged_votes WHERE place = ? ORDER BY revision LIMIT 1 OFFSET ?',
      )
      .pluck();
    const fromBucket = 'FROM staged_votes WHERE place = ? AND revision <= ?';
    this.#moveToSorted = [
      client.prepare(`INSERT INTO sorted_votes SELECT ${columns} ${fromBucket} ORDER BY ${key}`),
      client.prepare(`DELETE ${fromBucket}`),
    ];
    this.#firstSorted = client.prepare<[number], Omit<StoredVote, 'liked'> & { liked: number }>(
      `SELECT movie_id AS movieId, voter_id AS voterId, site, revision, liked, time
       FROM sorted_votes ORDER BY ${key} LIMIT ?`,
    );
    this.#removeSorted = client.prepare(`DELETE FROM sorted_votes WHERE (${key}) <= (?, ?, ?, ?)`);
  }

  put({ movieId, voterId, liked, site, time, revision }: StoredVote): void {
    this.#put.run(Math.floor(movieId / moviesPerBucket), movieId, voterId, site, revision, liked ? 1 : 0, time);
  }

  /** Removes and returns the next votes, grouped by movie and in stream order per viewer and site; empty at the end. */
  take(): StoredVote[] {
    let rows = this.#firstSorted.all(votesPerStep);
    if (rows.length === 0) {
      this.#sortNext();
      rows = this.#firstSorted.all(votesPerStep);
    }
    const last = rows.at(-1);
    if (last) this.#removeSorted.run(last.movieId, last.voterId, last.site, last.revision);
    return rows.map(({ liked, ...vote }) => ({ ...vote, liked: liked === 1 }));
  }

  /** Sorts the first votes of the next bucket, by revision. Votes that are put into it later are taken after these. */
  #sortNext(): void {
    const bucket = this.#firstBucket.get();
    if (typeof bucket !== 'number') return;
    const upTo = this.#revisionAt.get(bucket, this.#maxSorted) ?? Number.MAX_SAFE_INTEGER;
    using _ = smallCache(this.#db);
    for (const statement of this.#moveToSorted) statement.run(bucket, upTo);
  }

  /** Drops the tables. */
  drop(): void {
    this.#db.$client.exec('DROP TABLE IF EXISTS staged_votes; DROP TABLE IF EXISTS sorted_votes');
  }
}
