/** The OpenAPI descriptions of common request and response headers. */
import type { oas31 } from 'zod-openapi';
import { positionHeader as position, positionPattern } from '../operations/position.ts';

const requestId = 'X-Request-Id';

/** Headers that every operation accepts. */
export const commonParameters: oas31.ParameterObject[] = [
  {
    name: requestId,
    in: 'header',
    description:
      "The client's id for the request: up to 128 visible ASCII characters. It appears in logs and in the response",
    schema: { type: 'string' },
    example: 'evening-42',
  },
  {
    name: position,
    in: 'header',
    description: 'The value from the last response: the request waits until its writes are visible, at any replica',
    schema: { type: 'string', pattern: positionPattern },
    example: 'VOTES:4711:mR3k2x9q',
  },
];

export const ifNoneMatch: oas31.ParameterObject = {
  name: 'If-None-Match',
  in: 'header',
  description: "ETag of the client's copy: the response is 304 if it is still current",
  schema: { type: 'string' },
};

const text = (description: string): oas31.HeaderObject => ({ description, schema: { type: 'string' } });

const echoed = 'The id that the client sent; without one, problems have the id of the trace, which logs have as well';
const written = "Position after the write and after the request's own position, for the client's next requests";
const revision = 'Revision of the resource, for If-None-Match in later reads and If-Match in changes';

export const responseHeaders = {
  requestId: { [requestId]: text(echoed) },
  position: { [position]: text(written) },
  etag: { ETag: text(revision) },
  location: { Location: text('Path of the created resource') },
};
