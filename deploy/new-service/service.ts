/** The a-sample service: answers requests for movie titles from its own view. */
import type { Handlers } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { type aSample, aSampleContract } from './contract.ts';
import { type ASampleQueries, aSampleQueries } from './queries.ts';

export const startASample = defineService({
  ...aSampleContract,
  source: import.meta.url,
  queries: aSampleQueries,
  handlers,
});

function handlers({ view }: ServiceContext<ASampleQueries>): Handlers<typeof aSample> {
  return {
    get({ movieId }) {
      const title = view.queries.title(movieId);
      if (title === null) throw new AppError('not_found', `There is no movie ${movieId}.`);
      return { movieId, title };
    },
  };
}
