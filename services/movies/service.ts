/** The movies service: catalogue, details, genres, search. */
import { AppError } from '../../shared/errors.ts';
import { answer, Encoded, type Handlers } from '../../shared/operations.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import {
  decideAdd,
  decideImport,
  decideRemove,
  decideReplace,
  type ImportOutcome,
  type KnownMovie,
  movieMessage,
} from './commands.ts';
import { type MovieState, movieFields, movieStated, type movies, moviesApi } from './contract.ts';
import { Likes } from './likes.ts';
import { catalogueProjection } from './projection.ts';
import { type MovieQueries, movieQueries } from './queries.ts';

export const startMovies = defineService({
  ...moviesApi,
  port: 8081,
  view: {
    version: 2,
    migrations: new URL('./migrations/', import.meta.url),
    open: (db) => ({ queries: movieQueries(db), projections: [catalogueProjection(db)] }),
  },
  handlers,
});

function handlers(context: ServiceContext<MovieQueries>): Handlers<typeof movies> {
  const { view, commands, config } = context;
  const likes = new Likes(context.caller);

  const existing = (movieId: number) => {
    const found = view.queries.get(movieId);
    if (!found) throw new AppError('not_found', `There is no movie ${movieId}.`);
    return found;
  };

  const known = (movieId: number): KnownMovie => {
    const found = view.queries.get(movieId);
    if (found) return { fields: movieFields.parse(JSON.parse(found.document)), revision: found.revision };
    return { fields: undefined, revision: view.queries.goneRevision(movieId) };
  };

  /** Publishes what `decide` gives and answers with the new revision; 202 when the view does not show it yet. */
  const change = async (movieId: number, deadline: number, decide: (known: KnownMovie) => MovieState) => {
    let state: MovieState | undefined;
    const decideNow = () => {
      const before = known(movieId);
      state = decide(before);
      return movieMessage(config.site, movieId, before.revision, state);
    };
    const done = await commands.execute(decideNow, deadline, movieStated.stream);
    const revision = done?.published.sequence ?? 0;
    const status = done?.visible ? undefined : 202;
    const body = state?.removed ? { movieId, revision } : { movieId, ...state, revision };
    return { body, options: { revision, ...(status ? { status } : {}) } };
  };

  return {
    list: (input) =>
      new Encoded(
        input.q === undefined ? view.queries.list(input) : view.queries.search(input.q, input.limit, input.cursor),
      ),
    genre: (input) => new Encoded(view.queries.list(input)),
    genres: () => ({ items: view.queries.genres(), next: null }),
    search: ({ q, limit, cursor }) => new Encoded(view.queries.search(q, limit, cursor)),

    details: ({ movieId }) => {
      const { document, revision } = existing(movieId);
      return new Encoded(document, { revision });
    },
    async get({ movieId }) {
      const found = existing(movieId);
      const count = await likes.of(movieId);
      return new Encoded(`${found.document.slice(0, -1)},"likes":${count}}`, { revision: found.revision });
    },

    async add({ movieId, ...fields }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) => decideAdd(before, movieId, fields));
      return answer(body, { ...options, location: `/movies/${movieId}` });
    },
    async replace({ movieId, ifMatch, ...fields }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) =>
        decideReplace(before, movieId, fields, ifMatch),
      );
      return answer(body, options);
    },
    async remove({ movieId, ifMatch }, { deadline }) {
      const { body, options } = await change(movieId, deadline, (before) => decideRemove(before, movieId, ifMatch));
      // What is gone has no ETag.
      return answer(body, options.status ? { status: options.status } : {});
    },

    async import(input, { deadline }) {
      const outcomes = input.movies.map(async ({ movieId, ...fields }) => {
        let outcome: ImportOutcome = 'unchanged';
        await commands.execute(() => {
          const before = known(movieId);
          const decision = decideImport(before, fields);
          outcome = decision.outcome;
          return decision.state ? movieMessage(config.site, movieId, before.revision, decision.state) : null;
        }, deadline);
        return outcome;
      });
      return { outcomes: await Promise.all(outcomes) };
    },
  };
}
