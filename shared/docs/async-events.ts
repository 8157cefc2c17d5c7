/** Events as channels, messages and operations of AsyncAPI. */
import type { EventType } from '../operations/event.ts';
import type { AsyncParts, JsonSchema, SchemaOf } from './async-parts.ts';

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

const text = (description: string): JsonSchema => ({ type: 'string', description });

/** Headers of every event. None is required: what an event published by hand lacks is taken from the message. */
export const eventHeaders: JsonSchema = {
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
};

/** Adds the channel of an event (events may share one), its message, and that its owner sends it. */
export function addEvent(
  { channels, operations }: AsyncParts,
  service: string,
  event: EventType,
  schemaOf: SchemaOf,
): void {
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
