/** The routes that every service has beside its operations. */
import { z } from 'zod';
import type {
  ZodOpenApiPathItemObject,
  ZodOpenApiPathsObject,
  ZodOpenApiResponseObject,
  ZodOpenApiSchemaObject,
} from 'zod-openapi';

const health = z.object({ status: z.literal('ok'), service: z.string() }).meta({ id: 'Health' });

const readiness = z
  .object({
    degraded: z.boolean().meta({ description: 'Whether something is wrong that an operator has to see to' }),
    stopping: z.boolean(),
    broker: z.enum(['connected', 'disconnected']),
    caughtUp: z
      .boolean()
      .meta({ description: 'Whether the view has been up to date with its streams and still follows them' }),
    clock: z
      .string()
      .optional()
      .meta({ description: "Where this machine's clock differs from the broker's: by how much" }),
    writesFail: z
      .array(z.object({ stream: z.string(), since: z.iso.datetime(), reason: z.string(), cure: z.string() }))
      .optional()
      .meta({ description: 'Streams whose last write the broker did not store' }),
    problems: z
      .array(z.string())
      .optional()
      .meta({ description: 'What an operator has to decide before it is ready, in a sentence each' }),
    streams: z.array(
      z.object({
        stream: z.string(),
        sequence: z.int().meta({ description: 'Last message that is in the view' }),
        lag: z.int().meta({ description: 'Messages that are not in the view yet' }),
        lagSeconds: z.number().meta({ description: 'Age of the oldest of them' }),
      }),
    ),
    snapshot: z
      .object({
        madeAt: z.iso.datetime().optional(),
        bytes: z.int().optional().meta({ description: 'As it is stored: compressed' }),
        behind: z.int().meta({ description: 'Messages in the view that are not in it' }),
        problem: z.string().optional().meta({ description: 'Why there is none, or none so new' }),
      })
      .optional()
      .meta({ description: 'The newest snapshot that fits the view' }),
    deadLetters: z.int().nullable().meta({ description: 'Messages kept for an operator; null while unknown' }),
  })
  .partial()
  .extend({ status: z.enum(['ready', 'not_ready']), service: z.string() })
  .meta({
    id: 'Readiness',
    description: 'The status; the rest for operators only, where GATEWAY_OPERATOR_PORT is set',
  });

export const systemTag = {
  name: 'system',
  description: 'Health, metrics and these documents; every service has them',
};

const json = (description: string, schema: ZodOpenApiSchemaObject): ZodOpenApiResponseObject => ({
  description,
  content: { 'application/json': { schema } },
});
const text = (description: string, ...types: string[]): ZodOpenApiResponseObject => ({
  description,
  content: Object.fromEntries(types.map((type) => [type, { schema: z.string() }])),
});

function get(
  operationId: string,
  summary: string,
  responses: Record<`${number}`, ZodOpenApiResponseObject>,
): ZodOpenApiPathItemObject {
  return { get: { operationId, tags: [systemTag.name], summary, security: [{}], responses, 'x-access': 'public' } };
}

const document = json('The document', { type: 'object' });

export const systemPaths: ZodOpenApiPathsObject = {
  '/healthz': get('system.health', 'Whether the process answers', { 200: json('It does', health) }),
  '/readyz': get('system.readiness', 'Whether requests should come here, and why not', {
    200: json('They should', readiness),
    503: {
      ...json('They should not, for now', readiness),
      headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } },
    },
  }),
  '/metrics': get('system.metrics', 'Measurements for Prometheus', {
    200: text('The metrics; the second where traces are exported', 'text/plain', 'application/openmetrics-text'),
  }),
  '/openapi.json': get('system.openapi', 'This document (OpenAPI 3.1)', { 200: document }),
  '/asyncapi.json': get('system.asyncapi', 'Streams, events and NATS requests (AsyncAPI 3.0)', { 200: document }),
  '/docs': get('system.docs', 'This document as a page to read and try', { 200: text('The page', 'text/html') }),
};
