import assert from 'node:assert/strict';
import { test } from 'vitest';
import { AppError, fromProblem, type Problem, toAppError, toProblem } from './errors.ts';

test('an error stays the same when another service forwards it', () => {
  const errors = [
    new AppError('invalid', 'title: too short', { fields: [{ field: 'title', message: 'too short' }] }),
    new AppError('unavailable', 'away', { outcome: 'unknown', retryAfter: 7 }),
    new AppError('conflict', 'exists'),
  ];
  for (const error of errors) {
    const problem = toProblem(error);
    assert.equal(problem.status, error.status);
    assert.deepEqual(toProblem(fromProblem(JSON.parse(JSON.stringify(problem)) as Problem)), problem);
  }
});

test('an unexpected error reveals no details, and keeps its cause for the log', () => {
  const defect = new TypeError('secret table is missing');
  const error = toAppError(defect);
  assert.equal(error.code, 'internal');
  assert.equal(error.cause, defect);
  assert.doesNotMatch(JSON.stringify(toProblem(error)), /secret/);
});

test('errors that may be retried have Retry-After', () => {
  assert.equal(toProblem(new AppError('unavailable', 'away')).retryAfter, 1);
  assert.equal(toProblem(new AppError('rate_limited', 'slowly')).retryAfter, 1);
  assert.equal(toProblem(new AppError('not_found', 'no')).retryAfter, undefined);
});

test('an unknown code becomes an internal error', () => {
  for (const code of ['teapot', 'toString', '__proto__']) {
    assert.equal(
      fromProblem({ type: 'about:blank', title: 't', status: 418, code } as unknown as Problem).code,
      'internal',
    );
  }
});
