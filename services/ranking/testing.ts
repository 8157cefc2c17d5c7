/** An in-memory ranking view for tests, with the real tables, projections and queries but no broker. */
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { migrate, openDatabase } from '../../shared/views/database.ts';
import type { Projection } from '../../shared/views/projection.ts';
import { type MovieFields, movieFields, movieStated } from '../movies/contract.ts';
import { catalogueProjection } from './catalogue-projection.ts';
import { type Vote, voteGiven, votesGiven } from './contract.ts';
import type { RankInput } from './pages.ts';
import type { Partition } from './partition.ts';
import { rankingQueries } from './queries.ts';
import { votesProjection } from './votes-projection.ts';

/** Site, time and sequence of an event. By default, each event gets the next sequence. */
export interface At {
  site?: string;
  time?: number;
  sequence?: number;
}

type Row = Record<string, unknown>;
type Movie = Partial<MovieFields> & { title: string };

/** Limit for walks over rankings: more movies than any test has. */
const maxWalked = 10_000;

/** A time in milliseconds since 1970, after which later likes weigh more. */
export const since = Date.UTC(2026, 0, 1);

let last = 0;

function stored(type: string, kind: string, movieId: string, data: unknown, at: At): StoredEvent {
  const { site = 'hub', sequence = ++last, time = sequence } = at;
  const subject = `${kind}.${site}.${movieId}`;
  return { type, data, subject, tokens: { site, movieId }, site, time, sequence };
}

/** Makes an event with a single vote. */
export const vote = (movieId: number | string, voterId: string, liked = true, at: At = {}, key?: string): StoredEvent =>
  stored(voteGiven.type, 'votes', String(movieId), { voterId, liked, key }, at);

/** Makes an event with several votes. */
export const batch = (votes: Vote[], at: At = {}): StoredEvent => stored(votesGiven.type, 'votes', 'batch', votes, at);

/** Makes an event that adds, changes or (with null) removes a movie. */
export const movie = (movieId: number | string, fields: Movie | null, at: At = {}): StoredEvent =>
  stored(
    movieStated.type,
    'catalogue',
    String(movieId),
    fields === null ? { removed: true } : movieFields.parse(fields),
    at,
  );

/** Opens an empty view. Unless `complete`, it is still being built: ranks are written by Projection.complete. */
export function openRanking(partition?: Partition, complete = true) {
  const db = openDatabase(':memory:');
  migrate(db, new URL('./migrations/', import.meta.url));
  const projections: Record<string, Projection> = {
    votes: votesProjection(db, partition),
    catalogue: catalogueProjection(db, partition),
  };
  if (complete) while (projections.votes?.complete?.());
  const queries = rankingQueries(db);
  const all = (sql: string): Row[] => db.$client.prepare<[], Row>(sql).all();

  /** Applies events in order. Consecutive events of one stream become one batch. */
  function apply(...events: StoredEvent[]): void {
    const streamOf = ({ subject }: StoredEvent): string => subject.split('.')[0] as string;
    for (let from = 0; from < events.length; ) {
      const stream = streamOf(events[from] as StoredEvent);
      const found = events.findIndex((event, index) => index >= from && streamOf(event) !== stream);
      const to = found < 0 ? events.length : found;
      const projection = projections[stream] as Projection;
      db.$client.transaction(() => {
        for (const event of events.slice(from, to)) projection.apply(event);
        projection.finish?.();
      })();
      while (projection.pending) projection.flush?.();
      from = to;
    }
  }

  return {
    db,
    queries,
    apply,
    /** Returns all rows. */
    rows() {
      return {
        votes: all(
          'SELECT movie_id, voter_id, site, liked, time, liked_since FROM votes WHERE likes IS NULL ORDER BY 1, 2, 3',
        ),
        tallies: all('SELECT movie_id, likes, weight, trending FROM votes WHERE likes IS NOT NULL ORDER BY 1'),
        ranked: all('SELECT * FROM ranked ORDER BY genre_key, movie_id'),
      };
    },
    rank(input: Partial<RankInput> = {}) {
      return queries.rank({ by: 'likes', limit: 50, ...input });
    },
    /** Returns the movie ids of a whole ranking, read page by page. */
    walk(input: Partial<RankInput> = {}): number[] {
      const found: number[] = [];
      for (let cursor: string | undefined; ; ) {
        const { items, next } = queries.rank({ by: 'likes', limit: 50, ...input, cursor });
        found.push(...items.map(({ movieId }) => movieId));
        if (next === null) return found;
        if (found.length > maxWalked) throw new Error('the pages of the ranking do not end');
        cursor = next;
      }
    },
    [Symbol.dispose]: () => void db.$client.close(),
  };
}

export type Ranking = ReturnType<typeof openRanking>;
