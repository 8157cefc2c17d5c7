/** The likes of movies, and their trending scores: rows beside the votes that they are made of. */
import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '../../shared/views/database.ts';
import { upsert } from '../../shared/views/prepared.ts';
import { ranked, votes } from './schema.ts';
import { neverLiked } from './scores.ts';

export interface Tally {
  likes: number;
  trending: number;
}

/** Whose row a tally is, instead of a viewer's at a site. */
const nobody = { voterId: '', site: '' };
const ofNobody = and(eq(votes.voterId, nobody.voterId), eq(votes.site, nobody.site));

/** Joins the tally of a ranked movie. */
export const tallyOfRanked = and(eq(votes.movieId, ranked.movieId), ofNobody);

/** Prepares reading the tally of a movie, which without a vote is that of one that nobody likes. */
export function tallyReader(db: Database): (movieId: number) => Tally {
  const { likes, trending } = votes;
  const query = db
    .select({ likes, trending })
    .from(votes)
    .where(and(eq(votes.movieId, sql.placeholder('movieId')), ofNobody))
    .prepare();
  return (movieId) => (query.get({ movieId }) as Tally | undefined) ?? { likes: 0, trending: neverLiked };
}

/** Prepares writing the tally of a movie. */
export function tallyWriter(db: Database): (movieId: number, tally: Tally) => void {
  const put = upsert(db, votes, [votes.movieId, votes.voterId, votes.site]).prepare();
  const unused = { liked: 0, time: 0, likedSince: 0, revision: 0 };
  return (movieId, tally) => void put.run({ movieId, ...nobody, ...unused, ...tally });
}
