/** The header by which a client, and the log, know a request: any operation takes it. */
import type { oas31 } from 'zod-openapi';

const name = 'X-Request-Id';

export const requestIdParameter: oas31.ParameterObject = {
  name,
  in: 'header',
  description:
    'What the client calls the request, in up to 128 visible ASCII signs: logs have it, answers send it back',
  schema: { type: 'string' },
  example: 'evening-42',
};

export const requestIdHeader: oas31.HeadersObject = {
  [name]: {
    description: 'As it was sent; without one, problems have the id of the trace, under which logs know the request',
    schema: { type: 'string' },
  },
};
