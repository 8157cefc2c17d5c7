/** The AsyncAPI 3.0 document of services: the events that they own, and their operations as NATS requests. */
import type { z } from 'zod';
import { createComponents, createRegistry } from 'zod-openapi/api';
import { deadLetterStored } from '../operations/dead-letter-event.ts';
import type { EventType } from '../operations/event.ts';
import type { Operation } from '../operations/operation.ts';
import { version } from '../process/version.ts';
import type { DocumentOptions } from './openapi.ts';
import { errorsOf, problemType } from './problems.ts';
import { schemaOptions } from './schemas.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** Gives the schema of a type, as it is sent to us (`input`) or comes from us (`output`). */
type SchemaOf = (type: z.ZodType, io: 'input' | 'output') => unknown;

interface AsyncParts {
  schemaOf: SchemaOf;
  channels: Record<string, { messages: Record<string, object>; [field: string]: unknown }>;
  operations: Record<string, object>;
}

const text = (description: string): JsonSchema => ({ type: 'string', description });

/** What the tokens of subjects stand for. */
const tokens: Record<string, string> = {
  site: 'Name of the site where the event was made; the first is `hub`',
  movieId: 'Id of a movie: a positive integer',
  userId: 'Id of a viewer: what is no letter, digit, _ or - as =XX for each byte of its UTF-8',
  ticketId: 'Id of a ticket: 1 to 64 letters, digits, _ or -',
  stream: 'The stream that the message is in',
  consumer: 'The service that could not take it',
  message: 'Which message of the stream: when the stream was made, and the sequence',
};

/** Headers of events, requests and the answers to commands. None is required: what an event lacks is taken from the message. */
const headerSchemas: Record<string, JsonSchema> = {
  EventHeaders: {
    type: 'object',
    description: 'CloudEvents in binary mode, and what the broker and tracing use',
    properties: {
      'ce-specversion': { type: 'string', const: '1.0' },
      'ce-id': text('Id of the event: the same when the same fact is published again'),
      'ce-type': text('Type of the event, with its version'),
      'ce-source': text('Site and service that published it, such as /marquee/hub/ranking'),
      'ce-time': { type: 'string', format: 'date-time', description: 'When it happened' },
      'Nats-Msg-Id': text('The same as ce-id, where nothing but it keeps the broker from storing an event twice'),
      traceparent: text('W3C trace context of what caused it'),
    },
  },
  RequestHeaders: {
    type: 'object',
    properties: {
      Authorization: text('`Bearer` and the token of the caller'),
      'X-User-Id': text('The caller, where a service is open to everyone: percent-encoded UTF-8'),
      'X-Request-Id': text('What the client calls the request: logs have it'),
      'Marquee-Position': text('As the last answer had it: what was written by then is waited for'),
      traceparent: text('W3C trace context of the request'),
    },
  },
  AnswerHeaders: {
    type: 'object',
    properties: { 'Marquee-Position': text('Behind what was written: for the next requests of the client') },
  },
};

/**
 * Makes the document. Its operations are those of the services described: they send their events and receive requests.
 * @throws Error when two types have one name.
 * @example createAsyncApi({ title: 'Marquee movies', description, services: [moviesContract] })
 */
export function createAsyncApi({ title, description, services, streams }: DocumentOptions): object {
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

/** Adds the channel of an event (events may share one), its message, and that its owner sends it. */
function addEvent({ channels, operations, schemaOf }: AsyncParts, service: string, event: EventType): void {
  const id = event.subject.replace(/[{}]/g, '');
  const channel = channels[id] ?? channelOf(event);
  channels[id] = channel;
  const type = event.type;
  channel.messages[type] = {
    name: type,
    title: event.summary,
    headers: {
      type: 'object',
      allOf: [
        { $ref: '#/components/schemas/EventHeaders' },
        { type: 'object', properties: { 'ce-type': { type: 'string', const: type } } },
      ],
    },
    payload: schemaOf(event.payload, 'input'),
    examples: [{ name: 'example', headers: { 'ce-specversion': '1.0', 'ce-type': type }, payload: event.example }],
  };
  const reference = `#/channels/${id}`;
  operations[`send ${type} ${id}`.replaceAll(' ', '_')] = {
    action: 'send',
    channel: { $ref: reference },
    summary: event.summary,
    tags: [{ name: service }],
    messages: [{ $ref: `${reference}/messages/${type}` }],
  };
}

function channelOf(event: EventType): AsyncParts['channels'][string] {
  const names = [...event.subject.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  return {
    address: event.subject,
    description: `Subject of the stream ${event.stream}`,
    parameters: Object.fromEntries(names.map((name) => [name, { description: tokens[name] ?? name }])),
    messages: {},
    'x-stream': event.stream,
  };
}

/** Adds the subject of an operation, the inbox of its answers, and that the service receives requests there. */
function addRequest(parts: AsyncParts, service: string, operation: Operation): void {
  const { channels, operations, schemaOf } = parts;
  const { subject, summary } = operation;
  const inbox = `${subject}.reply`;
  channels[subject] = {
    address: subject,
    description: `Requests, shared by the replicas of ${service}: \`nats req ${subject} '${JSON.stringify(operation.example)}'\``,
    messages: {
      request: {
        name: `${subject}.request`,
        headers: { $ref: '#/components/schemas/RequestHeaders' },
        payload: schemaOf(operation.input, 'input'),
        examples: [{ name: 'example', payload: operation.example }],
      },
    },
  };
  const codes = errorsOf(operation);
  channels[inbox] = {
    address: null,
    description: 'The inbox that the caller named in its request',
    messages: {
      answer: {
        name: `${subject}.answer`,
        ...(operation.kind === 'command' ? { headers: { $ref: '#/components/schemas/AnswerHeaders' } } : {}),
        payload: schemaOf(operation.output, 'output'),
      },
      problem: {
        name: `${subject}.problem`,
        summary: `A refusal: ${codes.join(', ')}`,
        headers: {
          type: 'object',
          required: ['Nats-Service-Error-Code', 'Nats-Service-Error'],
          properties: {
            'Nats-Service-Error-Code': text('The number that HTTP has for it, such as 404'),
            'Nats-Service-Error': text('What is wrong, for people'),
          },
        },
        payload: { $ref: '#/components/schemas/Problem' },
      },
    },
  };
  operations[subject] = {
    action: 'receive',
    channel: { $ref: `#/channels/${subject}` },
    summary,
    tags: [{ name: service }],
    messages: [{ $ref: `#/channels/${subject}/messages/request` }],
    bindings: { nats: { queue: service, bindingVersion: '0.1.0' } },
    reply: {
      address: { location: '$message.header#/reply', description: 'The reply subject of the request' },
      channel: { $ref: `#/channels/${inbox}` },
      messages: [{ $ref: `#/channels/${inbox}/messages/answer` }, { $ref: `#/channels/${inbox}/messages/problem` }],
    },
    'x-access': operation.access,
  };
}
