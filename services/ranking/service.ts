/** The ranking service: likes, and movies ranked by them. */

import { type Call, type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError, invalid } from '../../shared/operations/errors.ts';
import { derivedId } from '../../shared/operations/ids.ts';
import type { Operation } from '../../shared/operations/operation.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { movieStated } from '../movies/contract.ts';
import { VoteBatcher, voterOf } from './commands.ts';
import { ranking, rankingContract } from './contract.ts';
import { Groups } from './groups.ts';
import { type RankInput, type Row, rangeOf } from './pages.ts';
import { keeps, ownGroup, type Partition } from './partition.ts';
import { type MovieRow, type RankingQueries, rankingQueries } from './queries.ts';

export const startRanking = defineService({
  ...rankingContract,
  source: import.meta.url,
  queries: rankingQueries,
  handlers,
  group: ownGroup,
  async complete({ config, caller, log }, stopping) {
    const { rankingPartition } = config;
    if (!rankingPartition) return;
    log.info(rankingPartition, 'this part is there, and waits for the others');
    await new Groups(rankingPartition, caller).present(stopping);
  },
});

function handlers(context: ServiceContext<RankingQueries>): Handlers<typeof ranking> {
  const { view, commands, config } = context;
  const voteBatcher = new VoteBatcher({
    site: config.site,
    store: (message) => commands.store(message),
  });

  /** Undefined where the catalogue does not show the movie. */
  const likesOf = (movieId: number): number | undefined =>
    view.cached(movieId, (queries) => (queries.shows(movieId) ? queries.likes(movieId) : undefined));

  /** Likes for whoever has just voted: a view that cannot answer now must not make a stored vote into one to give again. */
  const likesBy = (movieId: number): number => {
    try {
      return view.queries.likes(movieId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'unavailable') return 0;
      throw error;
    }
  };

  /** The sites where a key came with another vote. */
  const otherUses = (key: string | undefined, vote: { movieId: number; voterId: string }): string[] =>
    key === undefined
      ? []
      : view.queries
          .usesOf(key)
          .filter(({ movieId, voterId }) => movieId !== vote.movieId || voterId !== vote.voterId)
          .map(({ site }) => site);

  const vote = async (
    input: { movieId: number; voterId?: string | undefined; idempotencyKey?: string | undefined },
    liked: boolean,
    call: Call,
  ): Promise<JsonResponse> => {
    const { movieId, idempotencyKey } = input;
    const viewer = viewerOf(input.voterId, call);
    if (!liked && viewer === undefined && idempotencyKey === undefined) {
      const message = 'is missing: sign in, or send the Idempotency-Key of the like that is taken back';
      throw invalid({ field: 'voterId', message });
    }
    // Neither is cached: the view changes with the votes that come meanwhile, and each is one look instead of two.
    const isShown = () => view.queries.shows(movieId);
    if (!isShown() && !(await commands.find(isShown, { stream: movieStated.stream, deadline: call.deadline }))) {
      throw noMovie(movieId);
    }
    const voterId = voterOf(viewer, idempotencyKey);
    const key = idempotencyKey === undefined ? undefined : derivedId(call.caller.userId ?? '', idempotencyKey);
    if (otherUses(key, { movieId, voterId }).length > 0) throw new AppError('idempotency_key_reused');
    const elsewhere = config.sites.length > 1 ? view.queries.votedElsewhere(movieId, voterId, config.site) : undefined;
    const stored = await voteBatcher.cast({ movieId, voterId, liked, key }, call, elsewhere);
    const visible = await stored.visible(call.deadline);
    // Of two that were sent at the same time the first in the stream counts: before the view shows it, nobody knows which.
    if (key !== undefined && !visible) throw new AppError('unavailable', 'The view is behind.', { outcome: 'unknown' });
    if (otherUses(key, { movieId, voterId }).includes(config.site)) throw new AppError('idempotency_key_reused');
    const likes = likesBy(movieId);
    const body = `{"movieId":${movieId},"likes":${likes},"liked":${liked}}`;
    return new JsonResponse(body, { visible });
  };

  const page = (input: RankInput): JsonResponse => {
    const make = (queries: RankingQueries): string => JSON.stringify(queries.rank(input));
    return new JsonResponse(input.cursor ? make(view.queries) : view.cached(JSON.stringify(input), make));
  };
  const rank = (input: RankInput, { deadline }: Call): JsonResponse | Promise<JsonResponse> =>
    view.flushed(rangeOf(input), deadline)?.then(() => page(input)) ?? page(input);
  const rowsOf = async (input: RankInput, { deadline }: Call): Promise<Row[]> => {
    await view.flushed(rangeOf(input), deadline);
    return view.queries.ranked(input);
  };

  const own: Handlers<typeof ranking> = {
    like: (input, call) => vote(input, true, call),
    unlike: (input, call) => vote(input, false, call),
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
  return rankingPartition ? divided(own, rankingPartition, context) : own;
}

/** The handlers of a replica that keeps a part of the movies: the other groups are asked for what is in theirs. */
function divided(
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

/** Whose vote it is. @throws AppError unauthenticated or forbidden when someone votes, or looks at a vote, in another's name. */
function viewerOf(voterId: string | undefined, { caller }: Call): string | undefined {
  if (voterId === undefined || voterId === caller.userId || caller.open || caller.roles.includes('admin')) {
    return voterId ?? caller.userId;
  }
  if (caller.userId === undefined) throw new AppError('unauthenticated', 'This needs a valid token.');
  throw new AppError('forbidden', 'A vote can only be given in the name of the caller.');
}
