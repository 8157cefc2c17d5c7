/** The event in the stream DEADLETTERS. */
import { z } from 'zod';
import { event } from './event.ts';
import { timestamp } from './fields.ts';

const deadLetter = z
  .object({
    stream: z.string(),
    consumer: z.string().meta({ description: 'The service that could not process the message' }),
    sequence: z.int().meta({ description: 'Sequence of the message in the stream' }),
    subject: z.string(),
    reason: z.string(),
    attempts: z.int(),
    failedAt: timestamp,
    headers: z.record(z.string(), z.string()).meta({ description: 'The original headers' }),
    data: z.string().exactOptional().meta({ description: 'The original body' }),
    dataBase64: z.string().exactOptional().meta({ description: 'The original body if it is not UTF-8' }),
    bodyIsInStream: z
      .boolean()
      .exactOptional()
      .meta({ description: 'Body and headers are too large for a dead letter; read them from the stream' }),
  })
  .meta({ id: 'DeadLetter' });
export type DeadLetter = z.output<typeof deadLetter>;

export const deadLetterStored = event({
  type: 'marquee.deadletter.failed.v1',
  stream: 'DEADLETTERS',
  subject: 'deadletters.{stream}.{consumer}.{message}.failed',
  summary: 'A message that a projection or worker could not process, with the reason',
  payload: deadLetter,
  example: {
    stream: 'VOTES',
    consumer: 'ranking',
    sequence: 42,
    subject: 'votes.hub.1',
    reason: 'the payload is invalid: liked: must be true or false',
    attempts: 1,
    failedAt: '2030-01-31T20:00:00.000Z',
    headers: {},
    data: '{"voterId":"alice"}',
  },
});
