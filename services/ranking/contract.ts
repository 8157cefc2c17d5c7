/** What others may use of ranking. */
import { z } from 'zod';
import { movieId, operation } from '../../shared/contract.ts';

export const ranking = {
  likes: operation({
    subject: 'ranking.likes',
    method: 'GET',
    path: '/votes/:movieId',
    access: 'public',
    summary: 'Likes of one movie',
    input: z.object({ movieId }),
    output: z.object({ movieId, likes: z.int() }),
    errors: ['invalid', 'not_found'],
    example: { movieId: 1 },
  }),
};
