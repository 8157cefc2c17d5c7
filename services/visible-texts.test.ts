/** Texts without a visible character: commands refuse them, but events that were stored with one stay readable. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseInput } from '../shared/operations/input.ts';
import type { Operation } from '../shared/operations/operation.ts';
import { movieStated, movies } from './movies/contract.ts';
import { support } from './support/contract.ts';
import { technicalSupport } from './technical-support/contract.ts';
import { ticketEvents } from './tickets/contract.ts';

const blank = '\u200b\u3164';
const film = { movieId: 1, title: 'Up' };
const cases: [operation: unknown, input: object, field: string][] = [
  [movies.add, { ...film, title: blank }, 'title'],
  [movies.replace, { ...film, genres: ['Drama', blank] }, 'genres.1'],
  [movies.add, { ...film, actors: [blank] }, 'actors.0'],
  [movies.add, { ...film, alternativeTitles: [blank] }, 'alternativeTitles.0'],
  [movies.import, { movies: [{ title: blank }] }, 'movies.0.title'],
  [support.open, { userId: 'ann', message: blank }, 'message'],
  [technicalSupport.resolve, { orderId: '1', resolution: blank }, 'resolution'],
];

test('commands refuse a text without a visible character', () => {
  for (const [operation, input, field] of cases) {
    const { subject } = operation as Operation;
    const fields = [{ field, message: 'must have a visible character' }];
    assert.throws(() => parseInput(operation as Operation, input), { code: 'invalid', fields }, `${subject} ${field}`);
  }
});

test('events with such a text stay readable', () => {
  assert.ok(movieStated.payload.safeParse({ title: blank }).success);
  assert.ok(ticketEvents.opened.payload.safeParse({ userId: 'ann', message: blank }).success);
});
