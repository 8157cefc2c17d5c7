import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import { test } from 'vitest';
import { documentsFor } from '../../services/gateway/documents.ts';
import { backingServices, operationsOf, services } from '../../services/index.ts';
import { createAsyncApi } from '../../shared/docs/asyncapi.ts';
import type { DocumentOptions } from '../../shared/docs/openapi.ts';
import { createOpenApi } from '../../shared/docs/openapi.ts';
import type { EventType } from '../../shared/operations/event.ts';
import {
  breakingChanges,
  checkChanges,
  current,
  makeDocuments,
  readDocuments,
  readIntended,
  released,
} from './documents.ts';

const whole = documentsFor(services, false);
const each: DocumentOptions[] = backingServices.map((api) => ({
  title: api.name,
  version: '1',
  description: api.description,
  services: [api],
}));

for (const options of [whole, ...each]) {
  test(`the OpenAPI document of ${options.title} is valid`, async () => {
    const { valid, errors } = await new Validator().validate(asJson(createOpenApi(options)));
    assert.ok(valid, JSON.stringify(errors));
  });
}

test('the AsyncAPI document of Marquee is valid, examples and all', async () => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(createAsyncApi(whole)));
  // 3.1 is out; the documents are 3.0 on purpose.
  const found = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
  assert.deepEqual(
    found.map(({ path, message }) => `${path.join('.')}: ${message}`),
    [],
  );
  assert.ok(document);
});

for (const options of each) {
  test(`the AsyncAPI document of ${options.title} is a part of it, and holds all that it refers to`, () => {
    const { info, ...part } = asJson(createAsyncApi(options));
    assert.partialDeepStrictEqual(asJson(createAsyncApi(whole)), part);
    for (const [, path = ''] of JSON.stringify(part).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const keys = path.split('/').map((key) => decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~'));
      const found = keys.reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], part);
      assert.ok(found, path);
    }
  });
}

function asJson(document: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
}

test('every event that a contract exports is in the document of its service', async () => {
  const declared = new Set(backingServices.flatMap(({ events }) => events.map(eventKey)));
  for (const file of globSync('services/*/contract.ts')) {
    const exports = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    for (const event of Object.values(exports).flatMap(eventsIn)) {
      assert.ok(
        declared.has(eventKey(event)),
        `${file} exports ${eventKey(event)}: add it to the events of the contract`,
      );
    }
  }
});

function eventsIn(value: unknown): EventType[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('payload' in value && 'stream' in value) return [value as EventType];
  return Object.values(value).filter((part) => typeof part === 'object' && part !== null && 'payload' in part);
}

function eventKey({ type, subject }: EventType): string {
  return `${type} on ${subject}`;
}

test('every operation has a place in the documents', () => {
  const { openapi, asyncapi } = makeDocuments();
  const served = new Set(
    Object.values(openapi.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId)),
  );
  for (const operation of operationsOf(backingServices)) {
    assert.equal(served.has(operation.subject), operation.http, operation.subject);
    assert.ok(asyncapi.operations[operation.subject], operation.subject);
  }
});

test('the kept documents are those that the code makes', () => {
  assert.deepEqual(
    readDocuments(current),
    JSON.parse(JSON.stringify(makeDocuments())),
    'run `npm run api-docs` and commit docs/api',
  );
});

test('nothing breaks clients that is not declared in docs/api/breaking-changes.json', () => {
  const changes = breakingChanges(readDocuments(released), makeDocuments());
  assert.deepEqual(checkChanges(changes, readIntended()), { undeclared: [], stale: [] });
});
