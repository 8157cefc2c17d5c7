/** The OpenAPI paths that every service has in addition to its operations. */
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
    degraded: z.boolean().describe('Whether there is a problem that needs an operator'),
    stopping: z.boolean(),
    broker: z.enum(['connected', 'disconnected']),
    refused: z.array(z.string()).describe('What the broker denies to the service, such as `publish votes.hub.1`'),
    access: z
      .string()
      .describe('Warning that tokens are checked with old keys, because JWT_JWKS_URL cannot be reached'),
    finishing: z.string().describe('The last step done at the end of building the view'),
    sites: z
      .object({
        answers: z.record(z.string(), z.boolean()).describe('Whether each linked site answers'),
        clocks: z.record(z.string(), z.int()).describe('Milliseconds by which their clocks are ahead'),
        copies: z.array(
          z.object({
            kind: z.string().describe('Stream, by its name at its home'),
            home: z.string().describe('Site that writes the stream'),
            at: z.string().describe('Site that has the copy'),
            homeSequence: z.int().nullable().describe('Last sequence at home; null without the stream'),
            copySequence: z.int().nullable().describe('Last sequence of the copy; null without one'),
            lost: z.boolean().describe('Whether the copy has messages that its home has lost'),
            outdated: z.boolean().describe('Whether the copy is older than the recovery of its home'),
          }),
        ),
      })
      .describe('The links between sites, at the gateway of a system with several'),
    caughtUp: z.boolean().describe('Whether the view has caught up with its streams and is still following them'),
    clock: z.string().describe("How much this machine's clock differs from the broker's, if it does"),
    writesFail: z
      .array(z.object({ stream: z.string(), since: z.iso.datetime(), reason: z.string(), cure: z.string() }))
      .describe('Streams whose last write failed'),
    problems: z.array(z.string()).describe('Problems that an operator has to solve, one sentence each'),
    streams: z.array(
      z.object({
        stream: z.string(),
        sequence: z.int().describe('Sequence of the last message in the view'),
        lag: z.int().describe('Messages that are not in the view yet'),
        lagSeconds: z.number().describe('Age of the oldest of them'),
      }),
    ),
    snapshot: z
      .object({
        madeAt: z.iso.datetime().optional(),
        bytes: z.int().optional().describe('Compressed size'),
        behind: z.int().describe('Messages in the view that are not in the snapshot'),
        problem: z.string().optional().describe('Why there is no snapshot, or no newer one'),
      })
      .describe('The newest snapshot that fits the view'),
    deadLetters: z.int().nullable().describe('Open dead letters of the service; null if unknown'),
  })
  .partial()
  .extend({ status: z.enum(['ready', 'not_ready']), service: z.string() })
  .meta({
    id: 'Readiness',
    description: 'If GATEWAY_OPERATOR_PORT is set, only operators see more than the status',
  });

/** Body of /readyz. */
export type Readiness = z.infer<typeof readiness>;

export const systemTag = {
  name: 'system',
  description: 'Health, metrics and API documents of every service',
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
  '/healthz': get('system.health', 'Whether the process responds', { 200: json('It responds', health) }),
  '/readyz': get('system.readiness', 'Whether the service is ready for requests, and if not, why', {
    200: json('The service is ready', readiness),
    503: {
      ...json('The service is not ready', readiness),
      headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } },
    },
  }),
  '/metrics': get('system.metrics', 'Metrics for Prometheus', {
    200: text('The metrics; in OpenMetrics if traces are exported', 'text/plain', 'application/openmetrics-text'),
  }),
  '/openapi.json': get('system.openapi', 'This document (OpenAPI 3.1)', { 200: document }),
  '/asyncapi.json': get('system.asyncapi', 'Streams, events and NATS requests (AsyncAPI 3.0)', { 200: document }),
  '/docs': get('system.docs', 'This document as a page for trying operations', { 200: text('The page', 'text/html') }),
};
