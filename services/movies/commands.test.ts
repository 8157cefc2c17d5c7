import assert from 'node:assert/strict';
import { test } from 'vitest';
import { AppError, type ErrorCode } from '../../shared/operations/errors.ts';
import { decideAdd, decideRemove, decideReplace, type KnownMovie, movieMessage } from './commands.ts';
import { movieOf } from './testing.ts';

const alien = movieOf({ title: 'Alien', genres: ['Horror'], year: 1979 });
const aliens = movieOf({ title: 'Aliens', year: 1986 });
const present: KnownMovie = { fields: alien, revision: 12 };
const absent: KnownMovie = { fields: undefined, revision: 0 };
const gone: KnownMovie = { fields: undefined, revision: 30 };

const refuses = (decide: () => unknown, code: ErrorCode): void =>
  assert.throws(decide, (error: unknown) => error instanceof AppError && error.code === code);

test('adds a movie when none exists, including one that was removed', () => {
  assert.equal(decideAdd(absent, 1, alien), alien);
  assert.equal(decideAdd(gone, 1, alien), alien);
  refuses(() => decideAdd(present, 1, aliens), 'conflict');
});

test('replaces and removes only existing movies', () => {
  assert.equal(decideReplace(present, 1, aliens, undefined), aliens);
  assert.deepEqual(decideRemove(present, 1, undefined), { removed: true });
  for (const known of [absent, gone]) {
    refuses(() => decideReplace(known, 1, aliens, undefined), 'not_found');
    refuses(() => decideRemove(known, 1, '*'), 'not_found');
  }
});

test('If-Match accepts the current revision in every valid notation, and no other', () => {
  for (const ifMatch of ['"12"', '12', 12, '*', '"3", "12"', ' "12" ', '"12-5"', '"12-unknown"']) {
    assert.equal(decideReplace(present, 1, aliens, ifMatch), aliens, String(ifMatch));
  }
  for (const ifMatch of ['"11"', 11, 'W/"12"', '"112"', '"11-12"', '"12-"', '', 'twelve', '"1", "2"']) {
    refuses(() => decideReplace(present, 1, aliens, ifMatch), 'precondition_failed');
    refuses(() => decideRemove(present, 1, ifMatch), 'precondition_failed');
  }
});

test('the event of a decision expects the last revision of the movie', () => {
  const message = movieMessage('cinema-3', 5, 12, alien);
  assert.equal(message.subject, 'catalogue.cinema-3.movie.5');
  assert.deepEqual(message.expect, { lastSubjectSequence: 12 });
});
