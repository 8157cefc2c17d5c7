/** The likes of movies, and their trending scores: rows beside the votes that they are made of. */
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import { ranked, votes } from './schema.ts';
import { trendingOf } from './scores.ts';

export interface Tally {
  likes: number;
  /** What the likes weigh together. */
  weight: bigint;
}

/** Whose row a tally is, instead of a viewer's at a site. */
const nobody = { voterId: '', site: '' };
/** Whether a row is a tally. */
export const ofNobody = and(eq(votes.voterId, nobody.voterId), eq(votes.site, nobody.site));

/** Joins the tally of a ranked movie. */
export const tallyOfRanked = and(eq(votes.movieId, ranked.movieId), ofNobody);

/** Weights as they are stored: SQLite has no whole numbers of that size. */
export const storedWeight = (weight: bigint): Buffer => {
  const digits = weight.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
};
export const readWeight = (stored: Buffer): bigint => BigInt(`0x${stored.toString('hex')}`);

/** Prepares reading the tally of a movie, which without a vote is that of one that nobody likes. */
export function tallyReader(db: Database): (movieId: number) => Tally {
  const { likes, weight } = votes;
  const query = db
    .select({ likes, weight })
    .from(votes)
    .where(and(eq(votes.movieId, sql.placeholder('movieId')), ofNobody))
    .prepare();
  return (movieId) => {
    const row = query.get({ movieId }) as { likes: number; weight: Buffer } | undefined;
    return row ? { likes: row.likes, weight: readWeight(row.weight) } : { likes: 0, weight: 0n };
  };
}

/** Prepares writing the tally of a movie. */
export function tallyWriter(db: Database): (movieId: number, tally: Tally) => void {
  const put = upsert(db, votes, [votes.movieId, votes.voterId, votes.site]);
  const unused = { liked: 0, time: 0, likedSince: 0, revision: 0 };
  return (movieId, { likes, weight }) => {
    const tally = { likes, weight: storedWeight(weight), trending: trendingOf(weight) };
    put.run({ movieId, ...nobody, ...unused, ...tally });
  };
}
