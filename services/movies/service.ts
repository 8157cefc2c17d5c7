/** The movies service: catalogue, details, genres, search. */
import { type Handlers, JsonResponse, respond } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { decideAdd, decideRemove, decideReplace, type KnownMovie, movieMessage } from './commands.ts';
import { type MovieState, movieFields, movieStated, type movies, moviesContract } from './contract.ts';
import { Importer } from './importer.ts';
import { Likes } from './likes.ts';
import type { ListInput } from './lists.ts';
import { type MovieQueries, movieQueries, type SearchInput } from './queries.ts';

export const startMovies = defineService({
  ...moviesContract,
  source: import.meta.url,
  queries: movieQueries,
  handlers,
  atHub: ['add', 'replace', 'remove', 'import'],
});

function handlers(context: ServiceContext<MovieQueries>): Handlers<typeof movies> {
  const { view, commands, config } = context;
  const { stream } = movieStated;
  const likes = new Likes(context.caller, config.requestTimeoutMs);

  const existing = (movieId: number) => {
    const found = view.cached(movieId, (queries) => queries.get(movieId));
    if (!found) throw new AppError('not_found', `There is no movie ${movieId}.`);
    return found;
  };

  const known = (movieId: number): KnownMovie => {
    const found = view.queries.get(movieId);
    if (found) return { fields: movieFields.parse(JSON.parse(found.document)), revision: found.revision };
    return { fields: undefined, revision: view.queries.removedRevision(movieId) };
  };

  const importer = new Importer(context, known);

  const list = (input: ListInput): JsonResponse => {
    const page = (queries: MovieQueries): string => queries.list(input);
    return new JsonResponse(input.cursor ? page(view.queries) : view.cached(JSON.stringify(input), page));
  };

  const search = (q: string, input: SearchInput): JsonResponse => {
    const page = (queries: MovieQueries): string => queries.search(q, input);
    return new JsonResponse(input.cursor ? page(view.queries) : view.cached(JSON.stringify([q, input]), page));
  };

  /** Publishes the state that `decide` returns. @returns the movie, its revision, and whether the view shows it */
  const change = async (movieId: number, deadline: number, decide: (known: KnownMovie) => MovieState) => {
    let state: MovieState | undefined;
    const decideNow = () => {
      const before = known(movieId);
      state = decide(before);
      return movieMessage(config.site, movieId, before.revision, state);
    };
    const done = await commands.execute(decideNow, { stream, deadline });
    const revision = done?.published.sequence ?? 0;
    const body = state?.removed ? { movieId, revision } : { movieId, ...state, revision };
    return { body, options: { revision, visible: done?.visible } };
  };

  return {
    list: ({ q, ...input }) => {
      if (q === undefined) return list(input);
      return search(q, { ...input, sort: input.sort === 'movieId' ? undefined : input.sort });
    },
    genre: list,
    genres: () => ({ items: view.cached('genres', (queries) => queries.genres()), next: null }),
    search: ({ q, limit, cursor }) => search(q, { limit, cursor }),
    suggest: ({ q }) => ({
      items: view.cached(JSON.stringify(['suggest', q]), (queries) => queries.suggest(q)),
      next: null,
    }),

    details: ({ movieId }) => {
      const { document, revision } = existing(movieId);
      return new JsonResponse(document, { revision });
    },
    get({ movieId }, call) {
      const { document, revision } = existing(movieId);
      // The ETag includes the likes, because they change without a new revision.
      const show = (count: number | null): JsonResponse =>
        new JsonResponse(`${document.slice(0, -1)},"likes":${count}}`, {
          revision: `${revision}-${count ?? 'unknown'}`,
        });
      return likes.of(movieId, show, call);
    },

    async add({ movieId, ...fields }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) => decideAdd(before, movieId, fields));
      return respond(body, { ...options, location: `/movies/${movieId}` });
    },
    async replace({ movieId, ifMatch, ...fields }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) =>
        decideReplace(before, movieId, fields, ifMatch),
      );
      return respond(body, options);
    },
    async remove({ movieId, ifMatch }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) => decideRemove(before, movieId, ifMatch));
      // A removed movie has no ETag.
      return respond(body, { visible: options.visible });
    },

    async import({ movies: films, ...rules }, { deadline }) {
      return { results: await importer.import(films, rules, deadline) };
    },
  };
}
