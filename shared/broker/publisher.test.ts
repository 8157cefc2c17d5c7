import assert from 'node:assert/strict';
import { test } from 'vitest';
import { canBatch } from './publisher.ts';

const unconditional = {};
const onOwnSubject = { expect: { lastSubjectSequence: 0 } };
const onFilter = (subject: string) => ({ expect: { lastSubjectSequence: 0, subject } });
const current = { version: '2.14.4' };

test('messages are not batched when one expects what another may change', () => {
  assert.ok(canBatch([unconditional, onOwnSubject, onOwnSubject], { version: '2.14.0' }), 'the broker checks these');
  assert.ok(canBatch([onFilter('a.*'), onFilter('b.*')], current));
  assert.ok(!canBatch([onFilter('a.*'), onFilter('b.*'), onFilter('a.*')], current), 'the same filter twice');
  assert.ok(!canBatch([unconditional, onFilter('a.*')], current), 'the filter may match the first message');
  assert.ok(!canBatch([onOwnSubject, onFilter('a.*')], current));
});

test('messages with filters are batched only for brokers that check each of them', () => {
  const all = [onFilter('a.*'), onFilter('b.*')];
  for (const version of ['2.14.4', '2.14.10', '2.15.0', '3.0.0-RC.1']) assert.ok(canBatch(all, { version }), version);
  for (const version of ['2.14.0', '2.14.3']) assert.ok(!canBatch(all, { version }), version);
  assert.ok(!canBatch(all, { ...current, cluster: 'hub' }), 'the leader may be older');
});
