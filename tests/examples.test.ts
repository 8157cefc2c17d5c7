/** Sends every example of the documents to a running system and validates each answer against the documents. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, test } from 'vitest';
import {
  type JsonSchema,
  type OpenApiDocument,
  type ResponseObject,
  resolveReference,
} from '../docs/api/openapi-types.ts';
import { runSeed } from '../seed/seed.ts';
import { backingServices, operationsOf, serviceNames } from '../services/index.ts';
import { ticketEvents } from '../services/tickets/contract.ts';
import type { Operation } from '../shared/operations/operation.ts';
import { type DocumentedOperation, documentedOperations, requestOf } from './documented.ts';
import { get, type Replica, request, type System, startSystem, until } from './harness.ts';

let system: System;
const replicas = new Map<string, Replica>();
const names = serviceNames;

beforeAll(async () => {
  system = await startSystem();
  for (const replica of await system.start(...names)) replicas.set(replica.name, replica);
  await runSeed({
    csv: join(import.meta.dirname, '../seed/movies.csv'),
    max: undefined,
    rejectsFile: join(system.folder, 'rejects.csv'),
    connection: system.connection,
    say: () => {},
  });
  await until(async () => (await get(`${urlOf('movies')}/movies/478`)).status === 200, 'the catalogue to be shown');
  await until(async () => (await get(`${urlOf('ranking')}/votes/478`)).status === 200, 'ranking to know it');
});
afterAll(() => system[Symbol.asyncDispose]());

function urlOf(name: string): string {
  const replica = replicas.get(name);
  assert.ok(replica, name);
  return replica.url;
}

for (const name of names) {
  describe(`examples of ${name}`, () => {
    test('work as documented', async () => {
      const { body: document } = await get<OpenApiDocument>(`${urlOf(name)}/openapi.json`);
      const check = checker(document);
      for (const documented of documentedOperations(document)) {
        // A stream of events never ends, so it has tests of its own.
        if (documented.operation.operationId === 'gateway.events') continue;
        await send(name, document, documented, check);
      }
    });
  });
}

type Check = (schema: JsonSchema, value: unknown, where: string) => void;

async function send(
  name: string,
  document: OpenApiDocument,
  documented: DocumentedOperation,
  check: Check,
): Promise<void> {
  const { method, url, headers, body } = requestOf(documented, await idsFor(documented));
  const answer = await fetch(`${urlOf(name)}${url}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const where = `${method} ${url} answered ${answer.status}`;
  assert.ok(answer.ok, `${where}: ${text}`);
  const response = documented.operation.responses[answer.status];
  assert.ok(response, `${where}, which is not documented`);
  const { headers: expected = {}, content = {} } = resolveReference<ResponseObject>(document, response);
  for (const header of Object.keys(expected)) assert.ok(answer.headers.has(header), `${where} without ${header}`);
  const [type] = (answer.headers.get('content-type') ?? '').split(';');
  const media = content[type ?? ''];
  assert.ok(media?.schema, `${where} with ${type}, which is not documented`);
  if (type === 'application/json') check(media.schema, JSON.parse(text), where);
}

/** Ids of tickets and orders are generated, so an example that names one gets a newly created one. */
async function idsFor(documented: DocumentedOperation): Promise<Record<string, string>> {
  const wants = documented.operation.parameters?.some(({ name }) => name === 'ticketId' || name === 'orderId');
  if (!wants) return {};
  const url = `${urlOf('support')}/support/1`;
  const { body } = await request<{ ticketId: string }>('POST', url, { body: ticketEvents.opened.example });
  return until(async () => {
    const { orderId } = (await get<{ orderId: string | null }>(`${url}/${body.ticketId}`)).body;
    if (!orderId) return undefined;
    const order = await get(`${urlOf('technical-support')}/orders/${orderId}`);
    return order.status === 200 ? { ticketId: body.ticketId, orderId } : undefined;
  }, 'technical support to take the ticket');
}

/** Validates answers against a document, allowing no other fields. */
function checker(document: OpenApiDocument): Check {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(closed(document) as object, 'document');
  return (schema, value, where) => {
    const local = JSON.parse(JSON.stringify(closed(schema)).replaceAll('"#/', '"document#/')) as object;
    assert.ok(ajv.validate(local, value), `${where}: ${ajv.errorsText()} in ${JSON.stringify(value).slice(0, 300)}`);
  };
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, closed(part)]),
  );
  if (copy.type === 'object' && typeof copy.properties === 'object') copy.additionalProperties ??= false;
  return copy;
}

describe('operations over NATS', () => {
  for (const operation of operationsOf(backingServices)) {
    if (operation.http && operation.kind === 'command') continue;
    const { subject, example } = operation as Operation;
    if ('ticketId' in example || 'orderId' in example) continue;
    test(`${subject} answers its example`, async () => {
      const reply = await system.link.nc.request(subject, JSON.stringify(example), { timeout: 20_000 });
      assert.equal(reply.headers?.get('Nats-Service-Error') ?? '', '');
      assert.deepEqual(operation.output.safeParse(reply.json()).error, undefined);
    });
  }
});

test('invalid input is refused with a documented problem', async () => {
  const { body: document } = await get<OpenApiDocument>(`${urlOf('gateway')}/openapi.json`);
  const check = checker(document);
  for (const documented of documentedOperations(document)) {
    const numbered = documented.operation.parameters?.find(
      ({ name, in: place }) => place === 'path' && name === 'movieId',
    );
    if (!numbered) continue;
    const { method, url } = requestOf(documented, { movieId: 'one' });
    const { status, body } = await request(method, `${urlOf('gateway')}${url}`);
    assert.equal(status, 400, `${method} ${url}`);
    check({ $ref: '#/components/schemas/Problem' }, body, `${method} ${url}`);
  }
});
