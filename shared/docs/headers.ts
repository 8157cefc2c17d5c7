/** Headers that any operation takes, and that any answer may have. */
import type { oas31 } from 'zod-openapi';
import { positionHeader as position, positionPattern } from '../operations/position.ts';

const requestId = 'X-Request-Id';

/** What a client calls its request, and what it has written before: it sees that at every replica. */
export const commonParameters: oas31.ParameterObject[] = [
  {
    name: requestId,
    in: 'header',
    description:
      'What the client calls the request, in up to 128 visible ASCII signs: logs have it, answers send it back',
    schema: { type: 'string' },
    example: 'evening-42',
  },
  {
    name: position,
    in: 'header',
    description: 'As the last answer had it: the request waits until what was written by then is there, at any replica',
    schema: { type: 'string', pattern: positionPattern },
    example: 'VOTES:4711:mR3k2x9q',
  },
];

export const ifNoneMatch: oas31.ParameterObject = {
  name: 'If-None-Match',
  in: 'header',
  description: 'The ETag of an answer that is at hand: 304 while it holds',
  schema: { type: 'string' },
};

const text = (description: string): oas31.HeaderObject => ({ description, schema: { type: 'string' } });

const ofTrace = 'As it was sent; without one, problems have the id of the trace, under which logs know the request';
const written = 'Behind what was written, and behind the position of the request: for the next requests of the client';
const revision = 'Of this answer, for If-None-Match; and for If-Match, where what it shows is changed';

export const answerHeaders = {
  requestId: { [requestId]: text(ofTrace) },
  position: { [position]: text(written) },
  etag: { ETag: text(revision) },
  location: { Location: text('Path of what was made') },
};
