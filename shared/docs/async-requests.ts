/** Operations as NATS request-reply: channels, messages and operations of AsyncAPI. */
import type { Operation } from '../operations/operation.ts';
import type { AsyncParts, JsonSchema, SchemaOf } from './async-parts.ts';
import { errorsOf } from './problems.ts';

const text = (description: string): JsonSchema => ({ type: 'string', description });

/** Headers of every request; none is required. */
export const requestHeaders: JsonSchema = {
  type: 'object',
  properties: {
    Authorization: text('`Bearer` and the token of the caller'),
    'X-User-Id': text('The caller, where a service is open to everyone: percent-encoded UTF-8'),
    'X-Request-Id': text('What the client calls the request: logs have it'),
    'Marquee-Position': text('As the last answer had it: what was written by then is waited for'),
    traceparent: text('W3C trace context of the request'),
  },
};

/** Headers of the answers to commands. */
export const answerHeaders: JsonSchema = {
  type: 'object',
  properties: { 'Marquee-Position': text('Behind what was written: for the next requests of the client') },
};

/** Adds the subject of an operation, the inbox of its answers, and that the service receives requests there. */
export function addRequest(
  { channels, operations }: AsyncParts,
  service: string,
  operation: Operation,
  schemaOf: SchemaOf,
): void {
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
