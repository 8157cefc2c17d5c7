/** The header by which a client sees everywhere what it has written: any operation takes it. */
import type { oas31 } from 'zod-openapi';
import { positionHeader as name } from '../operations/position.ts';

export const positionParameter: oas31.ParameterObject = {
  name,
  in: 'header',
  description: 'As the last answer had it: the request waits until what was written by then is there, at any replica',
  schema: {
    type: 'string',
    pattern: '^ *[\\w-]{1,64}:[0-9]{1,15}:[\\w-]{8} *(, *[\\w-]{1,64}:[0-9]{1,15}:[\\w-]{8} *){0,15}$',
  },
};

export const positionHeader: oas31.HeadersObject = {
  [name]: {
    description: 'Behind what was written, and behind the position of the request: for the next requests of the client',
    schema: { type: 'string' },
  },
};
