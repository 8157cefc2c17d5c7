import assert from 'node:assert/strict';
import { test } from 'vitest';
import { fitTogether } from './publisher.ts';

const none = {};
const ofOwn = { expect: { lastSubjectSequence: 0 } };
const about = (subject: string) => ({ expect: { lastSubjectSequence: 0, subject } });
const sound = { version: '2.14.4' };

test('a batch has none that expects what another of it may change', () => {
  assert.ok(fitTogether([none, ofOwn, ofOwn], { version: '2.14.0' }), 'the broker refuses what does not fit of these');
  assert.ok(fitTogether([about('a.*'), about('b.*')], sound));
  assert.ok(!fitTogether([about('a.*'), about('b.*'), about('a.*')], sound), 'the same filter');
  assert.ok(!fitTogether([none, about('a.*')], sound), 'behind one that expects nothing');
  assert.ok(!fitTogether([ofOwn, about('a.*')], sound));
});

test('filters are for brokers that hold each against its own', () => {
  const all = [about('a.*'), about('b.*')];
  for (const version of ['2.14.4', '2.14.10', '2.15.0', '3.0.0-RC.1'])
    assert.ok(fitTogether(all, { version }), version);
  for (const version of ['2.14.0', '2.14.3']) assert.ok(!fitTogether(all, { version }), version);
  assert.ok(!fitTogether(all, { ...sound, cluster: 'hub' }), 'the leader may be older');
});
