/** The AsyncAPI 3.0 document of services: the events that they own, and their operations as NATS requests. */
import { createComponents, createRegistry } from 'zod-openapi/api';
import { deadLetterStored } from '../operations/dead-letter-event.ts';
import { type AsyncParts, addEvent, addRequest, headerSchemas, type SchemaOf } from './async-channels.ts';
import type { DocumentOptions } from './openapi.ts';
import { problemType } from './problems.ts';
import { schemaOptions } from './schemas.ts';

/**
 * Makes the document. Its operations are those of the services described: they send their events and receive requests.
 * @throws Error when two types have one name.
 * @example createAsyncApi({ title: 'Marquee movies', version, description, services: [moviesContract] })
 */
export function createAsyncApi({ title, version, description, services, streams }: DocumentOptions): object {
  const registry = createRegistry();
  let made = 0;
  // Empty until createComponents fills it in.
  const schemaOf: SchemaOf = (type, io) =>
    registry.addSchema(type, [String(made++)], { io, source: { type: 'mediaType' } });
  const parts: AsyncParts = { schemaOf, channels: {}, operations: {} };
  for (const { name, operations, events, overNats = true } of services) {
    for (const event of events) addEvent(parts, name, event);
    for (const operation of overNats ? Object.values(operations) : []) addRequest(parts, name, operation);
  }
  addEvent(parts, 'every service', deadLetterStored);
  schemaOf(problemType, 'output');
  const { schemas } = createComponents(registry, schemaOptions, '3.1.1');
  return {
    asyncapi: '3.0.0',
    id: 'urn:marquee',
    info: {
      title,
      version,
      description,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: services.map(({ name, description }) => ({ name, description })),
    },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: '127.0.0.1:4222',
        protocol: 'nats',
        description: 'The NATS broker with JetStream; NATS_URL says where it really is',
      },
    },
    channels: parts.channels,
    operations: parts.operations,
    components: { schemas: { ...schemas, ...headerSchemas } },
    ...(streams ? { 'x-streams': streams } : {}),
  };
}
