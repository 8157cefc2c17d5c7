/** The public interface of ranking: its operations and events. No I/O. */
import { z } from 'zod';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { event } from '../../shared/operations/event.ts';
import { idempotencyKey, movieId, page, paging, userText } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';
import { movieIdOf } from '../movies/contract.ts';

const genre = z.string().trim().min(1).max(40);
const likes = z.int().min(0).meta({ description: 'Number of viewers who like the movie' });

const by = z
  .enum(['likes', 'trending', 'rating'])
  .default('likes')
  .meta({
    description:
      'likes: most likes first, then by rating, then by title; trending: a like loses half of its weight every 7 days; ' +
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
  .meta({ description: 'The viewer. Default: the signed-in caller. Without either, each call counts as a new viewer' });

const vote = z
  .object({
    movieId,
    likes,
    liked: z.boolean().nullable().meta({ description: 'Whether the viewer likes the movie; null without a viewer' }),
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
    summary: 'Likes a movie. Counts once per viewer and movie; without a viewer, once per call or Idempotency-Key',
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
    summary: 'Takes back the like of a viewer or of an Idempotency-Key',
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
    summary: 'Returns the likes of a movie, and whether a viewer likes it',
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
    summary: 'Returns the likes of several movies in the order of the request, null for an unknown movie. For services',
    input: z.object({ movieIds: z.array(movieId).min(1).max(maxMoviesPerRequest) }),
    output: z.object({ likes: z.array(likes.nullable()) }),
    example: { movieIds: [1, 2] },
  }),
  votes: operation({
    subject: 'ranking.votes',
    method: 'GET',
    path: '/votes',
    access: 'public',
    summary: 'Lists the likes of all movies, by movie id',
    input: z.object(paging),
    output: page(z.object({ movieId, title: z.string(), likes })),
    example: { limit: 3 },
  }),
  ranking: operation({
    subject: 'ranking.ranking',
    method: 'GET',
    path: '/ranking',
    access: 'public',
    summary: 'Lists all movies by rank',
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
    summary: 'Lists the movies of a genre by rank',
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
      'Returns the list rows of one group of replicas. The group that received the list request merges all parts',
    input: z.object({ by: z.enum(['likes', 'trending', 'rating', 'movieId']), genre: genre.optional(), ...paging }),
    output: z.object({ rows: z.array(z.unknown()) }),
    example: { by: 'likes', limit: 3 },
  }),
};

/** A vote states whether the viewer likes the movie. It is not an increment, so repeating it changes nothing. */
const votePayload = z.object({
  voterId: userText,
  liked: z.boolean(),
  key: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional()
    .meta({
      description:
        "Digest of the Idempotency-Key and its sender. At each site, the key's first vote binds it to a movie and voter. " +
        'Later votes with this key for another movie or voter do not count',
    }),
});

/** Several votes in one message. In lists of event types it must precede voteGiven, whose subject matches it, too. */
export const votesGiven = event({
  type: 'marquee.votes.given.v1',
  stream: 'VOTES',
  subject: 'votes.{site}.batch',
  summary: 'Several viewers like movies or no longer like them',
  payload: z.array(votePayload.extend({ movieId })).min(1).max(1000),
  example: [{ movieId: 1, voterId: 'alice', liked: true }],
});

export const voteGiven = event({
  type: 'marquee.vote.given.v1',
  stream: 'VOTES',
  subject: 'votes.{site}.{movieId}',
  summary: 'A viewer likes a movie or no longer likes it',
  payload: votePayload,
  example: { voterId: 'alice', liked: true },
});

/** The event types of VOTES, in the order that its readers need (see votesGiven). */
export const voteEvents = [votesGiven, voteGiven];

export interface Vote {
  movieId: number;
  voterId: string;
  liked: boolean;
  key?: string | undefined;
}

/**
 * Returns the votes of an event. If the message has several votes of a viewer for a movie, only the last is returned.
 * All votes have the event's sequence and site. If a viewer voted at two sites, the vote with the later time counts.
 * @param accepts a filter that is applied before duplicates are dropped
 * @throws AppError invalid if the subject has no valid movie id
 */
export function votesIn(event: StoredEvent, accepts: (vote: Vote) => boolean = () => true): Vote[] {
  if (event.type !== votesGiven.type) {
    return [{ movieId: movieIdOf(event), ...(event.data as Omit<Vote, 'movieId'>) }].filter(accepts);
  }
  const votes = (event.data as Vote[]).filter(accepts);
  return [...new Map(votes.map((vote) => [`${vote.movieId} ${vote.voterId}`, vote])).values()];
}

const oncePrefix = 'once-';
const keyPrefix = 'key-';

/** Returns a voter id for a vote that cannot be taken back. @param token a unique token */
export const onceVoter = (token: string): string => `${oncePrefix}${token}`;

/** Returns the voter id of an Idempotency-Key. @param digest the digest of the key */
export const keyVoter = (digest: string): string => `${keyPrefix}${digest}`;

/** Tells readers of votes whether a voter id was made by `onceVoter` or `keyVoter` instead of naming a viewer. */
export function isAnonymous(voterId: string): boolean {
  return voterId.startsWith(oncePrefix) || voterId.startsWith(keyPrefix);
}

/** Describes the service to the gateway, the API documents, the broker's permissions and other services. */
export const rankingContract = {
  name: 'ranking',
  description: 'Likes, and movies ranked by likes, trend and rating',
  port: 8082,
  operations: ranking,
  events: voteEvents,
  /** When movies are partitioned, ranking asks its other groups. */
  asks: ['ranking'],
} satisfies ServiceContract;
