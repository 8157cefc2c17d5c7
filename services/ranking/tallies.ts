/** Tallies: the likes and trending score of each movie, in rows of the `votes` table next to the movie's votes. */
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import { ranked, votes } from './schema.ts';
import { trendingOf } from './scores.ts';

export interface Tally {
  likes: number;
  /** Sum of the weights of the likes (see weightOf). */
  weight: bigint;
}

/** Key of a movie's tally row: empty voter and site, which no vote has. */
const tallyKey = { voterId: '', site: '' };
/** Selects tally rows. */
export const isTally = and(eq(votes.voterId, tallyKey.voterId), eq(votes.site, tallyKey.site));

/** Joins ranked rows with the tally of their movie. */
export const isTallyOfRanked = and(eq(votes.movieId, ranked.movieId), isTally);

/** Encodes a weight as a big-endian blob, because it exceeds SQLite's 64-bit integers. */
const encodeWeight = (weight: bigint): Buffer => {
  const digits = weight.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
};
export const decodeWeight = (stored: Buffer): bigint => BigInt(`0x${stored.toString('hex')}`);

/** Prepares a reader of tallies. A movie without votes has no likes and weight 0. */
export function tallyReader(db: Database): (movieId: number) => Tally {
  const { likes, weight } = votes;
  const query = db
    .select({ likes, weight })
    .from(votes)
    .where(and(eq(votes.movieId, sql.placeholder('movieId')), isTally))
    .prepare();
  return (movieId) => {
    const row = query.get({ movieId }) as { likes: number; weight: Buffer } | undefined;
    return row ? { likes: row.likes, weight: decodeWeight(row.weight) } : { likes: 0, weight: 0n };
  };
}

/** Prepares a writer of tallies. */
export function tallyWriter(db: Database): (movieId: number, tally: Tally) => void {
  const put = upsert(db, votes, [votes.movieId, votes.voterId, votes.site]);
  const unused = { liked: 0, time: 0, likedSince: 0 };
  return (movieId, { likes, weight }) => {
    const tally = { likes, weight: encodeWeight(weight), trending: trendingOf(weight) };
    put.run({ movieId, ...tallyKey, ...unused, ...tally });
  };
}
