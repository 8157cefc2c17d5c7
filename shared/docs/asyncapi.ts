/** Creates the AsyncAPI 3.0 document of services: the events that they own, and their operations as NATS requests. */
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

/** Returns the schema of a type as the services accept it (`input`) or send it (`output`). */
type SchemaOf = (type: z.ZodType, io: 'input' | 'output') => unknown;

interface AsyncParts {
  schemaOf: SchemaOf;
  channels: Record<string, { messages: Record<string, object>; [field: string]: unknown }>;
  operations: Record<string, object>;
}

const text = (description: string): JsonSchema => ({ type: 'string', description });

/** Descriptions of the parameters in subjects. */
const tokens: Record<string, string> = {
  site: 'Name of the site that published the event; the default is `hub`',
  movieId: 'Id of a movie: a positive integer',
  userId: 'Id of a viewer; characters other than letters, digits, _ and - are written as =XX for each UTF-8 byte',
  ticketId: 'Id of a ticket: 1 to 64 letters, digits, _ or -',
  stream: 'The stream that holds the original message',
  consumer: 'The service that could not process it',
  message: 'Identity of the original message: the creation time of its stream, and its sequence',
};

/** Headers of events, requests and replies to commands. All are optional: readers fall back to the message. */
const headerSchemas: Record<string, JsonSchema> = {
  EventHeaders: {
    type: 'object',
    description: 'CloudEvents in binary mode, and headers for the broker and for tracing',
    properties: {
      'ce-specversion': { type: 'string', const: '1.0' },
      'ce-id': text('Id of the event; a republished event has the same id'),
      'ce-type': text('Type of the event, with its version'),
      'ce-source': text('Site and service that published the event, such as /marquee/hub/ranking'),
      'ce-time': { type: 'string', format: 'date-time', description: 'When the event happened' },
      'Nats-Msg-Id': text('The same as ce-id, on events that only this header protects from being stored twice'),
      traceparent: text('W3C trace context of the request or event that caused this one'),
    },
  },
  RequestHeaders: {
    type: 'object',
    properties: {
      Authorization: text('`Bearer` and the token of the caller'),
      'X-User-Id': text('The caller, if the service is open: percent-encoded UTF-8'),
      'X-Request-Id': text("The client's id for the request, which appears in logs"),
      'Marquee-Position': text('The value from the last response: the request waits until its writes are visible'),
      traceparent: text('W3C trace context of the request'),
    },
  },
  AnswerHeaders: {
    type: 'object',
    properties: { 'Marquee-Position': text("Position after the write, to be sent with the client's next requests") },
  },
};

/**
 * Creates the document. It is written from the services' point of view: they send events and receive requests.
 * @throws Error if two types have the same name
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
        description: 'The NATS broker with JetStream; NATS_URL sets its address',
      },
    },
    channels: parts.channels,
    operations: parts.operations,
    components: { schemas: { ...schemas, ...headerSchemas } },
    ...(streams ? { 'x-streams': streams } : {}),
  };
}

/** Adds an event: its channel, which several events may share, its message, and the send operation of its owner. */
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

/** Adds an operation: the channels of its requests and replies, and the receive operation of its service. */
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
            'Nats-Service-Error-Code': text('The HTTP status of the error, such as 404'),
            'Nats-Service-Error': text('Human-readable description of the error'),
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
