/** The public interface of a-sample: its operations. The service publishes no events. */
import { z } from 'zod';
import { movieId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';

export const aSample = {
  get: operation({
    subject: 'a-sample.get',
    method: 'GET',
    path: '/a-sample/:movieId',
    access: 'public',
    summary: 'Returns the title of a movie',
    input: z.object({ movieId }),
    output: z.object({ movieId, title: z.string() }),
    errors: ['not_found'],
    example: { movieId: 1 },
  }),
};

/** Describes the service to the gateway, the API documents, the broker's permissions and other services. */
export const aSampleContract = {
  name: 'a-sample',
  description: 'Titles of movies',
  port: 8099,
  operations: aSample,
  events: [],
} satisfies ServiceContract;
