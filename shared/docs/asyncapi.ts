/** The AsyncAPI 3.0 document of services: the events that they own, and their operations as NATS requests. */
import type { z } from 'zod';
import { createComponents, createRegistry } from 'zod-openapi/api';
import { deadLetterStored } from '../operations/dead-letter-event.ts';
import type { ServiceContract } from '../operations/operation.ts';
import { addEvent, eventHeaders } from './async-events.ts';
import type { AsyncParts, SchemaOf } from './async-parts.ts';
import { addRequest, answerHeaders, requestHeaders } from './async-requests.ts';
import { problemType } from './problems.ts';
import { schemaOptions } from './schemas.ts';

export interface AsyncApiOptions {
  title: string;
  version: string;
  description: string;
  services: readonly Omit<ServiceContract, 'port'>[];
  /** The streams themselves, where all of them are described. */
  streams?: readonly { name: string; description?: string; subjects: readonly string[] }[];
}

/**
 * Makes the document. Its operations are those of the services described: they send their events and receive requests.
 * @throws Error when two types have one name.
 * @example createAsyncApi({ title: 'Marquee movies', version, description, services: [moviesContract] })
 */
export function createAsyncApi(options: AsyncApiOptions): Record<string, unknown> {
  const registry = createRegistry();
  let made = 0;
  // Empty until createComponents fills it in.
  const schemaOf: SchemaOf = (type: z.ZodType, io) =>
    registry.addSchema(type, [String(made++)], { io, source: { type: 'mediaType' } });
  const parts: AsyncParts = { channels: {}, operations: {} };
  for (const { name, operations, events, overNats = true } of options.services) {
    for (const event of events) addEvent(parts, name, event, schemaOf);
    for (const operation of overNats ? Object.values(operations) : []) addRequest(parts, name, operation, schemaOf);
  }
  addEvent(parts, 'every service', deadLetterStored, schemaOf);
  schemaOf(problemType, 'output');
  const { schemas } = createComponents(registry, schemaOptions, '3.1.1');
  return {
    asyncapi: '3.0.0',
    id: 'urn:marquee',
    info: {
      title: options.title,
      version: options.version,
      description: options.description,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: options.services.map(({ name, description }) => ({ name, description })),
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '127.0.0.1:4222',
        protocol: 'nats',
        description: 'The NATS broker with JetStream; NATS_URL says where it really is',
      },
    },
    ...parts,
    components: {
      schemas: { ...schemas, EventHeaders: eventHeaders, RequestHeaders: requestHeaders, AnswerHeaders: answerHeaders },
    },
    ...(options.streams
      ? {
          'x-streams': options.streams.map(({ name, description, subjects }) => ({
            name,
            description: description ?? '',
            subjects: [...subjects],
          })),
        }
      : {}),
  };
}
