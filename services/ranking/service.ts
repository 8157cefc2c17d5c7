/** The ranking service: likes, and rankings of movies. */
import type { z } from 'zod';
import { type Call, type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError, invalid } from '../../shared/operations/errors.ts';
import { derivedId } from '../../shared/operations/ids.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { movieStated } from '../movies/contract.ts';
import { VoteBatcher, voterOf } from './commands.ts';
import { ranking, rankingContract, type Vote } from './contract.ts';
import { Groups } from './groups.ts';
import { type RankedRow, type RankInput, rangeOf } from './pages.ts';
import { keeps, ownGroup, type Partition } from './partition.ts';
import { type MovieRow, type RankingQueries, rankingQueries } from './queries.ts';

type VoteInput = z.output<typeof ranking.like.input>;

export const startRanking = defineService({
  ...rankingContract,
  source: import.meta.url,
  queries: rankingQueries,
  handlers,
  group: ownGroup,
  async complete({ config, caller, log }, stopping) {
    const { rankingPartition } = config;
    if (!rankingPartition) return;
    log.warn(rankingPartition, 'this partition is ready; waiting for the other partitions');
    await new Groups(rankingPartition, caller).waitForAll(stopping);
  },
});

function handlers(context: ServiceContext<RankingQueries>): Handlers<typeof ranking> {
  const { view, commands, config } = context;
  const voteBatcher = new VoteBatcher({
    site: config.site,
    store: (message) => commands.store(message),
  });

  /** Returns undefined if the catalogue does not have the movie. */
  const likesOf = (movieId: number): number | undefined =>
    view.cached(movieId, (queries) => (queries.shows(movieId) ? queries.likes(movieId) : undefined));

  /** Returns 0 while the view is unavailable: the vote is stored, and an error would make the client send it again. */
  const likesAfterVote = (movieId: number): number => {
    try {
      return view.queries.likes(movieId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'unavailable') return 0;
      throw error;
    }
  };

  /** Returns the sites at which the key of a vote is bound to another movie or voter. */
  const conflictingSites = ({ key, movieId, voterId }: Vote): string[] => {
    const uses = key === undefined ? [] : view.queries.usesOf(key);
    return uses.filter((use) => use.movieId !== movieId || use.voterId !== voterId).map(({ site }) => site);
  };

  const castVote = async (input: VoteInput, liked: boolean, call: Call): Promise<JsonResponse> => {
    const { movieId, idempotencyKey } = input;
    const viewer = viewerOf(input.voterId, call);
    if (!liked && viewer === undefined && idempotencyKey === undefined) {
      const message = 'is missing: sign in, or send the Idempotency-Key of the like to take back';
      throw invalid({ field: 'voterId', message });
    }
    // The queries here are not cached: each vote changes the view, so the cache would mostly be an extra lookup.
    const exists = () => view.queries.shows(movieId);
    if (!exists() && !(await commands.find(exists, { stream: movieStated.stream, deadline: call.deadline }))) {
      throw noMovie(movieId);
    }
    const voterId = voterOf(viewer, idempotencyKey);
    const key = idempotencyKey === undefined ? undefined : derivedId(call.caller.userId ?? '', idempotencyKey);
    const vote = { movieId, voterId, liked, key };
    if (conflictingSites(vote).length > 0) throw new AppError('idempotency_key_reused');
    const elsewhere = config.sites.length > 1 ? view.queries.votedElsewhere(movieId, voterId, config.site) : undefined;
    const stored = await voteBatcher.cast(vote, call, elsewhere);
    const visible = await stored.visible(call.deadline);
    // If two votes with one key are published at the same time, the first in the stream counts. The view shows which.
    if (key !== undefined && !visible) throw new AppError('unavailable', 'The view is behind.', { outcome: 'unknown' });
    if (conflictingSites(vote).includes(config.site)) throw new AppError('idempotency_key_reused');
    const likes = likesAfterVote(movieId);
    const body = `{"movieId":${movieId},"likes":${likes},"liked":${liked}}`;
    return new JsonResponse(body, { visible });
  };

  const page = (input: RankInput): JsonResponse => {
    const make = (queries: RankingQueries): string => JSON.stringify(queries.rank(input));
    return new JsonResponse(input.cursor ? make(view.queries) : view.cached(JSON.stringify(input), make));
  };
  const rank = (input: RankInput, { deadline }: Call): JsonResponse | Promise<JsonResponse> =>
    view.flushed(rangeOf(input), deadline)?.then(() => page(input)) ?? page(input);
  const rowsOf = async (input: RankInput, { deadline }: Call): Promise<RankedRow[]> => {
    await view.flushed(rangeOf(input), deadline);
    return view.queries.ranked(input);
  };

  const own: Handlers<typeof ranking> = {
    like: (input, call) => castVote(input, true, call),
    unlike: (input, call) => castVote(input, false, call),
    likes({ movieId, voterId }, call) {
      const likes = likesOf(movieId);
      if (likes === undefined) throw noMovie(movieId);
      const viewer = viewerOf(voterId, call);
      const liked = viewer === undefined ? null : view.queries.liked(movieId, viewer);
      return new JsonResponse(`{"movieId":${movieId},"likes":${likes},"liked":${liked}}`);
    },
    likesOf: ({ movieIds }) => ({ likes: movieIds.map((movieId) => likesOf(movieId) ?? null) }),
    votes: (input) => view.queries.votes(input),
    ranking: rank,
    genre: rank,
    async part({ by, ...input }, call) {
      return { rows: by === 'movieId' ? view.queries.movies(input) : await rowsOf({ by, ...input }, call) };
    },
  };
  const { rankingPartition } = config;
  return rankingPartition ? partitioned(own, rankingPartition, context) : own;
}

/** Wraps the handlers of a replica that keeps one part of the movies: they ask the other groups for the other parts. */
function partitioned(
  own: Handlers<typeof ranking>,
  partition: Partition,
  { view, caller }: ServiceContext<RankingQueries>,
): Handlers<typeof ranking> {
  const groups = new Groups(partition, caller);
  const byMovie =
    <I extends { movieId: number }, O>(operation: Operation, handle: (input: I, call: Call) => O) =>
    (input: I, call: Call): O | Promise<JsonResponse> =>
      keeps(partition, input.movieId) ? handle(input, call) : groups.forward(operation, input, call);
  const rank = async (input: RankInput, call: Call): Promise<JsonResponse> =>
    respond(view.queries.rank(input, await groups.rows(input, call)));
  return {
    ...own,
    like: byMovie(ranking.like, own.like),
    unlike: byMovie(ranking.unlike, own.unlike),
    likes: byMovie(ranking.likes, own.likes),
    async likesOf(input, call) {
      if (input.movieIds.every((movieId) => keeps(partition, movieId))) return own.likesOf(input, call);
      return { likes: await groups.likesOf(input.movieIds, call) };
    },
    async votes(input, call) {
      return view.queries.votes(input, await groups.rows<MovieRow>({ ...input, by: 'movieId' }, call));
    },
    ranking: rank,
    genre: rank,
  };
}

function noMovie(movieId: number): AppError {
  return new AppError('not_found', `There is no movie ${movieId}.`);
}

/** Returns the voter of a request. @throws AppError unauthenticated or forbidden if the caller is not the voter */
function viewerOf(voterId: string | undefined, { caller }: Call): string | undefined {
  if (voterId === undefined || voterId === caller.userId || caller.open || caller.roles.includes('admin')) {
    return voterId ?? caller.userId;
  }
  if (caller.userId === undefined) throw new AppError('unauthenticated', 'This operation needs a valid token.');
  throw new AppError('forbidden', 'Callers can only cast and read their own votes.');
}
