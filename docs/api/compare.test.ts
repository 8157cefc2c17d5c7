import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import { type EventType, event } from '../../shared/operations/event.ts';
import { type Operation, operation } from '../../shared/operations/operation.ts';
import type { AsyncApiDocument } from './asyncapi-types.ts';
import { compareAsyncApi } from './compare-asyncapi.ts';
import { compareOpenApi } from './compare-openapi.ts';
import { checkChanges, documentsOf } from './documents.ts';
import type { OpenApiDocument } from './openapi-types.ts';

const film = { movieId: z.int().min(1), title: z.string().max(100), year: z.int().nullable() };

const get = operation({
  subject: 'films.get',
  method: 'GET',
  path: '/films/:movieId',
  aliases: ['/movies/:movieId'],
  access: 'public',
  summary: '',
  input: z.object({
    movieId: film.movieId,
    by: z.enum(['likes', 'rating']).default('likes'),
    q: z.string().optional(),
  }),
  output: z.object({ ...film, state: z.enum(['old', 'new']), revision: z.int() }),
  errors: ['not_found'],
  example: { movieId: 1 },
});

const add = operation({
  subject: 'films.add',
  method: 'POST',
  path: '/films',
  access: 'agent',
  summary: '',
  input: z.object({ ...film, note: z.string().optional(), tags: z.array(z.string()).max(5).default([]) }),
  output: z.object({ items: z.array(z.object(film)) }),
  success: 201,
  example: { movieId: 1, title: 'Alien', year: 1979 },
});

const seen = event({
  type: 'films.seen.v1',
  stream: 'FILMS',
  subject: 'films.{site}.{movieId}',
  summary: '',
  payload: z.object({ userId: z.string(), times: z.int(), note: z.string().optional() }),
  example: { userId: 'alice', times: 1 },
});

/** Creates the documents of a service with the given operations and events. */
function filmDocuments(contract: Record<string, Operation>, events: EventType[]) {
  const services = [{ name: 'films', description: '', operations: contract, events }];
  return documentsOf({ title: 'Films', description: '', services });
}

const before = filmDocuments({ get, add } as unknown as Record<string, Operation>, [seen]);

/** Returns what breaks when the named operations are replaced. */
function changes(changed: Record<string, Partial<Operation>>): string[] {
  const contract: Record<string, Operation> = {};
  for (const [name, was] of Object.entries({ get, add } as unknown as Record<string, Operation>)) {
    contract[name] = { ...was, ...changed[name] };
  }
  return compareOpenApi(before.openapi, filmDocuments(contract, []).openapi);
}

const input = (operation: { input: z.ZodObject }, shape: z.ZodRawShape) => ({ input: operation.input.extend(shape) });
const output = (shape: z.ZodRawShape) => ({ output: (get.output as z.ZodObject).extend(shape) });

describe('an operation breaks clients when', () => {
  const where = 'GET /films/{movieId}';
  const cases: [string, Record<string, Partial<Operation>>, string[]][] = [
    ['it is no longer served over HTTP', { add: { http: false } }, ['POST /films: removed']],
    ['its alias goes', { get: { aliases: [] } }, ['GET /movies/{movieId}: removed']],
    ['fewer may call it', { add: { access: 'admin' } }, ['POST /films access: narrowed from agent to admin']],
    [
      'its id changes',
      { add: { subject: 'films.create' } },
      ['POST /films operationId: changed from films.add to films.create'],
    ],
    ['its success is another', { add: { success: 200 } }, ['POST /films answer 201: removed']],
    ['a parameter goes', { get: { aliases: [], input: get.input.omit({ q: true }) } }, ['query parameter q: removed']],
    ['a parameter becomes required', { get: input(get, { q: z.string() }) }, ['query parameter q: required now']],
    ['a new parameter is required', { get: input(get, { r: z.string() }) }, ['query parameter r: required now']],
    [
      'a value is no longer taken',
      { get: input(get, { by: z.enum(['likes']).default('likes') }) },
      ['"rating" removed'],
    ],
    [
      'a default changes',
      { get: input(get, { by: z.enum(['likes', 'rating']).default('rating') }) },
      ['default changed from "likes" to "rating"'],
    ],
    ['a new field is required', { add: input(add, { length: z.int() }) }, ['POST /films body: length: required now']],
    ['a field becomes required', { add: input(add, { note: z.string() }) }, ['POST /films body: note: required now']],
    ['a field is no longer taken', { add: { input: add.input.omit({ note: true }) } }, ['body: note: removed']],
    [
      'a field wants another type',
      { add: input(add, { title: z.int() }) },
      ['title: type changed from string to integer'],
    ],
    [
      'null is no longer taken',
      { add: input(add, { year: z.int() }) },
      ['year: type changed from integer or null to integer'],
    ],
    ['a limit is tighter', { add: input(add, { title: z.string().max(50) }) }, ['title: maxLength lowered to 50']],
    ['a pattern is new', { add: input(add, { title: z.string().regex(/^A/) }) }, ['title: pattern changed to ^A']],
    [
      'entries want another type',
      { add: input(add, { tags: z.array(z.int()).default([]) }) },
      ['tags[]: type changed'],
    ],
    ['a field of the answer goes', { get: { output: z.object({ ...film, revision: z.int() }) } }, ['state: removed']],
    [
      'a field of the answer may be missing',
      { get: output({ title: z.string().optional() }) },
      ['title: may be missing now'],
    ],
    [
      'a field of the answer has another type',
      { get: output({ title: z.array(z.string()) }) },
      ['title: type changed'],
    ],
    ['a field of the answer may be null', { get: output({ title: z.string().nullable() }) }, ['title: type changed']],
    [
      'whole numbers are no longer whole',
      { get: output({ year: z.number().nullable() }) },
      ['year: type changed from integer or null to number or null'],
    ],
    [
      'an answer has a new value',
      { get: output({ state: z.enum(['old', 'new', 'gone']) }) },
      ['state: value "gone" added'],
    ],
    ['an answer can be any text now', { get: output({ state: z.string() }) }, ['state: can be any value now']],
    [
      'a field inside a list goes',
      { add: { output: z.object({ items: z.array(z.object({ movieId: z.int() })) }) } },
      ['items[].title: removed', 'items[].year: removed'],
    ],
    [
      'an answer loses its ETag',
      { get: { output: z.object({ ...film, state: z.enum(['old', 'new']) }) } },
      ['header ETag'],
    ],
  ];
  for (const [name, changed, expected] of cases) {
    test(name, () => {
      const found = changes(changed);
      assert.notDeepEqual(found, []);
      for (const part of expected)
        assert.ok(
          found.some((change) => change.includes(part)),
          `${part} in ${found}`,
        );
      if ('get' in changed) assert.ok(found.some((change) => change.includes(where) || change.includes('/movies/')));
    });
  }

  test('it is gone', () => {
    const { openapi } = filmDocuments({ get } as unknown as Record<string, Operation>, []);
    assert.deepEqual(compareOpenApi(before.openapi, openapi), ['POST /films: removed']);
  });
});

describe('an operation breaks nobody when', () => {
  const cases: Record<string, Record<string, Partial<Operation>>> = {
    'nothing changed': {},
    'its words change': { get: { summary: 'Other words' } },
    'more may call it': { add: { access: 'public' } },
    'a new field is optional': { add: input(add, { length: z.int().optional() }) },
    'a required field becomes optional': { add: input(add, { title: z.string().optional() }) },
    'a parameter takes more values': { get: input(get, { by: z.enum(['likes', 'rating', 'year']).default('likes') }) },
    'a limit is wider': { add: input(add, { title: z.string().max(500) }) },
    'numbers need not be whole': { add: input(add, { year: z.number().nullable() }) },
    'null is taken too': { add: input(add, { title: z.string().nullable() }) },
    'an answer has a new field': { get: output({ director: z.string() }) },
    'an answer has fewer values': { get: output({ state: z.enum(['old']) }) },
    'a field of the answer is never null': { get: output({ year: z.int() }) },
    'it can refuse in a new way': { get: { errors: ['not_found', 'conflict'] } },
    'it no longer refuses': { get: { errors: [] } },
    'it has a new alias': { get: { aliases: ['/movies/:movieId', '/cinema/:movieId'] } },
  };
  for (const [name, changed] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(changes(changed), []));
  }
});

test('a problem with a new code breaks nobody', () => {
  const without = JSON.parse(JSON.stringify(before), (key, value: unknown) =>
    key === 'enum' && Array.isArray(value) ? value.filter((code) => code !== 'conflict') : value,
  ) as typeof before;
  assert.deepEqual(compareOpenApi(without.openapi, before.openapi), []);
  assert.deepEqual(compareAsyncApi(without.asyncapi, before.asyncapi), []);
});

describe('an event', () => {
  const with_ = (payload: z.ZodType, more: Partial<EventType> = {}): AsyncApiDocument =>
    filmDocuments({ get, add } as unknown as Record<string, Operation>, [{ ...seen, payload, ...more } as EventType])
      .asyncapi;
  const shape = (seen.payload as z.ZodObject).shape as Record<string, z.ZodType>;
  const where = 'event films.seen.v1 on films.{site}.{movieId}';
  const cases: [string, AsyncApiDocument, string[]][] = [
    ['stays', with_(seen.payload), []],
    ['gets an optional field', with_(z.object({ ...shape, place: z.string().optional() })), []],
    [
      'gets a required field, which stored ones lack',
      with_(z.object({ ...shape, place: z.string() })),
      [`${where}: place: required now`],
    ],
    ['loses a field', with_(z.object({ userId: z.string(), times: z.int() })), [`${where}: note: removed`]],
    [
      'has a field of another type',
      with_(z.object({ ...shape, times: z.string() })),
      [`${where}: times: type changed from integer to string`],
    ],
    [
      'may lack a field',
      with_(z.object({ ...shape, times: z.int().optional() })),
      [`${where}: times: may be missing now`],
    ],
    [
      'changes its subject',
      with_(seen.payload, { subject: 'films.seen.{movieId}' }),
      ['operation send_films.seen.v1_films.site.movieId: removed', 'channel films.site.movieId: removed'],
    ],
    [
      'changes its type',
      with_(seen.payload, { type: 'films.seen.v2' }),
      ['operation send_films.seen.v1_films.site.movieId: removed', `${where}: removed`],
    ],
    [
      'moves to another stream',
      with_(seen.payload, { stream: 'OTHERS' }),
      ['channel films.site.movieId: moved to the stream OTHERS'],
    ],
  ];
  for (const [name, after, expected] of cases) {
    test(name, () => assert.deepEqual(compareAsyncApi(before.asyncapi, after), expected));
  }

  test('requests over NATS are compared as those over HTTP', () => {
    const contract = { get, add: { ...add, ...input(add, { length: z.int() }) } } as unknown as Record<
      string,
      Operation
    >;
    assert.deepEqual(compareAsyncApi(before.asyncapi, filmDocuments(contract, [seen]).asyncapi), [
      'message films.add.request: length: required now',
    ]);
  });
});

test('a type that holds itself is compared to the end', () => {
  const tree = (more: object): OpenApiDocument => {
    const node = { type: 'object', properties: { next: { $ref: '#/components/schemas/Node' }, ...more } };
    const paths = {
      '/trees': {
        get: {
          operationId: 'trees',
          responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Node' } } } } },
        },
      },
    };
    return { paths, components: { schemas: { Node: node } } } as unknown as OpenApiDocument;
  };
  assert.deepEqual(compareOpenApi(tree({ leaf: {} }), tree({ leaf: {} })), []);
  assert.deepEqual(compareOpenApi(tree({ leaf: {} }), tree({})), ['GET /trees answer 200: leaf: removed']);
});

test('a declared change is let through, and a declaration of nothing is found', () => {
  const declare = (change: string) => ({ change, reason: 'asked for' });
  assert.deepEqual(checkChanges(['a: removed', 'b: removed'], [declare('a: removed'), declare('c: removed')]), {
    undeclared: ['b: removed'],
    stale: ['c: removed'],
  });
});
