/** What others may use of ranking: operations and events. */
import { z } from 'zod';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { event } from '../../shared/operations/event.ts';
import { idempotencyKey, movieId, page, paging, userText } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { movieIdOf } from '../movies/contract.ts';

const genre = z.string().trim().min(1).max(40);
const likes = z.int().min(0).meta({ description: 'Number of viewers who like it' });

const by = z
  .enum(['likes', 'trending', 'rating'])
  .default('likes')
  .meta({
    description:
      'likes: most likes first, then rating, then title; trending: recent likes count more, half after 7 days; ' +
      'rating: the rating of the dataset, weighted by its number of votes',
  });

const rankedMovie = z
  .object({
    rank: z.int().min(1),
    movieId,
    title: z.string(),
    likes,
    rating: z.number().nullable(),
  })
  .meta({ id: 'RankedMovie' });

const voterId = userText
  .optional()
  .meta({ description: 'The viewer; the caller where it is left out. Without either each call counts' });

const vote = z
  .object({
    movieId,
    likes,
    liked: z.boolean().nullable().meta({ description: 'Whether the viewer likes it; null without a viewer' }),
  })
  .meta({ id: 'Vote' });

/** Maximum number of movies in one `likesOf` request. */
export const maxMoviesPerRequest = 500;

const headers = { 'idempotency-key': 'idempotencyKey' };

export const ranking = {
  like: operation({
    subject: 'ranking.like',
    method: 'POST',
    path: '/votes/:movieId/like',
    access: 'public',
    summary: 'Likes a movie: once per viewer and movie; without a viewer once per call or Idempotency-Key',
    input: z.object({ movieId, voterId, idempotencyKey }),
    output: vote,
    errors: ['forbidden', 'not_found'],
    headers,
    example: { movieId: 1, voterId: 'alice' },
  }),
  unlike: operation({
    subject: 'ranking.unlike',
    method: 'DELETE',
    path: '/votes/:movieId/like',
    access: 'public',
    summary: 'Takes a like back, of a viewer or of an Idempotency-Key',
    input: z.object({ movieId, voterId, idempotencyKey }),
    output: vote,
    errors: ['forbidden', 'not_found'],
    headers,
    example: { movieId: 1, voterId: 'alice' },
  }),
  likes: operation({
    subject: 'ranking.likes',
    method: 'GET',
    path: '/votes/:movieId',
    access: 'public',
    summary: 'Likes of one movie, and whether a viewer likes it',
    input: z.object({ movieId, voterId }),
    output: vote,
    errors: ['forbidden', 'not_found'],
    example: { movieId: 1 },
  }),
  likesOf: operation({
    subject: 'ranking.likesOf',
    method: 'GET',
    path: '/votes/likes',
    http: false,
    access: 'public',
    summary: 'Likes of several movies in the order asked, for services that show them; null for an unknown movie',
    input: z.object({ movieIds: z.array(movieId).min(1).max(maxMoviesPerRequest) }),
    output: z.object({ likes: z.array(likes.nullable()) }),
    example: { movieIds: [1, 2] },
  }),
  votes: operation({
    subject: 'ranking.votes',
    method: 'GET',
    path: '/votes',
    access: 'public',
    summary: 'Likes of all movies, by movie id',
    input: z.object(paging),
    output: page(z.object({ movieId, title: z.string(), likes })),
    example: { limit: 3 },
  }),
  ranking: operation({
    subject: 'ranking.ranking',
    method: 'GET',
    path: '/ranking',
    access: 'public',
    summary: 'Movies, ranked',
    input: z.object({ by, ...paging }),
    output: page(rankedMovie),
    example: { by: 'rating', limit: 3 },
  }),
  genre: operation({
    subject: 'ranking.genre',
    method: 'GET',
    path: '/ranking/genre/:genre',
    aliases: ['/ranking/gender/:genre'],
    access: 'public',
    summary: 'Movies of one genre, ranked',
    input: z.object({ genre, by, ...paging }),
    output: page(rankedMovie),
    example: { genre: 'Drama', limit: 3 },
  }),
  part: operation({
    subject: 'ranking.part',
    method: 'GET',
    path: '/ranking/part',
    http: false,
    access: 'public',
    summary:
      'Rows of a list, of the movies that one group of replicas keeps: for the group that was asked for those of all',
    input: z.object({ by: z.enum(['likes', 'trending', 'rating', 'movieId']), genre: genre.optional(), ...paging }),
    output: z.object({ rows: z.array(z.unknown()) }),
    example: { by: 'likes', limit: 3 },
  }),
};

/** What a vote says: a state, not a step, so that a repeat changes nothing. */
const votePayload = z.object({
  voterId: userText,
  liked: z.boolean(),
  key: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional()
    .meta({
      description:
        'Digest of the Idempotency-Key and of who sent it. At each site all votes of a key but those for the movie and ' +
        'voter of its first one are void',
    }),
});

/** Votes that came together, in one message. Before voteGiven in every list of types: its subject is the narrower one. */
export const votesGiven = event({
  type: 'marquee.votes.given.v1',
  stream: 'VOTES',
  subject: 'votes.{site}.batch',
  summary: 'Several viewers like movies, or no longer do',
  payload: z.array(votePayload.extend({ movieId })).min(1).max(1000),
  example: [{ movieId: 1, voterId: 'alice', liked: true }],
});

export const voteGiven = event({
  type: 'marquee.vote.given.v1',
  stream: 'VOTES',
  subject: 'votes.{site}.{movieId}',
  summary: 'A viewer likes a movie, or no longer does',
  payload: votePayload,
  example: { voterId: 'alice', liked: true },
});

/** The types of VOTES, in the order in which a reader of its messages has to be given them. */
export const voteEvents = [votesGiven, voteGiven];

export interface Vote {
  movieId: number;
  voterId: string;
  liked: boolean;
  key?: string | undefined;
}

/**
 * The votes of an event, at most one of each viewer and movie: of several in one message the last counts. All of them
 * have the event's sequence and site; where a viewer voted at two sites, the vote of the later time counts.
 * @param counts which votes are looked at
 * @throws AppError invalid where the subject names no movie.
 */
export function votesIn(event: StoredEvent, counts: (vote: Vote) => boolean = () => true): Vote[] {
  if (event.type !== votesGiven.type) {
    return [{ movieId: movieIdOf(event), ...(event.data as Omit<Vote, 'movieId'>) }].filter(counts);
  }
  const votes = (event.data as Vote[]).filter(counts);
  return [...new Map(votes.map((vote) => [`${vote.movieId} ${vote.voterId}`, vote])).values()];
}

const oncePrefix = 'once-';
const keyPrefix = 'key-';

/** The voter of a vote that nobody can take back. @param token tells it from all others */
export const onceVoter = (token: string): string => `${oncePrefix}${token}`;

/** The voter of an Idempotency-Key. @param digest of the key */
export const keyVoter = (digest: string): string => `${keyPrefix}${digest}`;

/** For those who read votes: whether a voter is no viewer that is known, but of one vote, or of an Idempotency-Key. */
export function isAnonymous(voterId: string): boolean {
  return voterId.startsWith(oncePrefix) || voterId.startsWith(keyPrefix);
}

/** The service as others see it. */
export const rankingContract = {
  name: 'ranking',
  description: 'Likes, and movies ranked by likes, trend and rating',
  port: 8082,
  operations: ranking,
  events: voteEvents,
  /** Its other groups, where the movies are divided. */
  asks: ['ranking'],
} satisfies ServiceContract;
