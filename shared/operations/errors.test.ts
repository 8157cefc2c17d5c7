import assert from 'node:assert/strict';
import { test } from 'vitest';
import { AppError, fromProblem, type Problem, toAppError, toProblem } from './errors.ts';

test('a refusal survives the way through another service', () => {
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

test('a defect tells nothing about itself, and keeps its cause for the log', () => {
  const defect = new TypeError('secret table is missing');
  const error = toAppError(defect);
  assert.equal(error.code, 'internal');
  assert.equal(error.cause, defect);
  assert.doesNotMatch(JSON.stringify(toProblem(error)), /secret/);
});

test('what may work later says when', () => {
  assert.equal(toProblem(new AppError('unavailable', 'away')).retryAfter, 1);
  assert.equal(toProblem(new AppError('rate_limited', 'slowly')).retryAfter, 1);
  assert.equal(toProblem(new AppError('not_found', 'no')).retryAfter, undefined);
});

test('a code that is not ours is a defect of whoever sent it', () => {
  for (const code of ['teapot', 'toString', '__proto__']) {
    assert.equal(
      fromProblem({ type: 'about:blank', title: 't', status: 418, code } as unknown as Problem).code,
      'internal',
    );
  }
});
