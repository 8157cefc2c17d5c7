import assert from 'node:assert/strict';
import { test } from 'vitest';
import { AppError } from '../../shared/operations/errors.ts';
import { checkRemindAt, decideEnd, decideSet, type Known, libraryMessage } from './commands.ts';
import { libraryChanged } from './contract.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const later = Date.parse('2026-03-01T13:00:00Z');
const laterText = '2026-03-01T13:00:00.000Z';
const place = { site: 'hub', userId: 'alice', movieId: 7 };

const nothing: Known = { remindAt: null, schedule: { revision: 0, remindAt: null } };
const waiting: Known = { remindAt: later, schedule: { revision: 5, remindAt: later } };
const passed: Known = { remindAt: later, schedule: { revision: 9, remindAt: null } };

test('accepts a remindAt in any zone, in the future and at most five years ahead', () => {
  assert.equal(checkRemindAt(undefined, now), undefined);
  assert.equal(checkRemindAt(null, now), null);
  assert.equal(checkRemindAt('2026-03-01T13:00:00Z', now), later);
  assert.equal(checkRemindAt('2026-03-01T14:00:00+01:00', now), later);
  assert.equal(checkRemindAt('2031-03-01T12:00:00Z', now), Date.parse('2031-03-01T12:00:00Z'));
  for (const bad of ['2026-03-01T12:00:00Z', '2026-03-01T12:30:00+01:00', '2031-03-01T12:00:00.001Z']) {
    assert.throws(
      () => checkRemindAt(bad, now),
      (error) => error instanceof AppError && error.code === 'invalid' && error.fields?.[0]?.field === 'remindAt',
      bad,
    );
  }
});

test('reads no event whose time has no year of four digits in UTC, as the broker takes none', () => {
  const read = (remindAt: string) => libraryChanged.payload.safeParse({ kind: 'reminderSet', movieId: 1, remindAt });
  for (const time of ['9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '2030-01-31T20:00:00+05:30'])
    assert.ok(read(time).success, time);
  for (const time of ['9999-12-31T23:59:59-10:00', '0000-01-01T00:00:00+01:00', 'soon']) {
    const { path, message } = read(time).error?.issues[0] ?? {};
    assert.deepEqual([path, message?.startsWith('must be ')], [['remindAt'], true], time);
  }
});

test('schedules a new time, keeps the same or an absent one, and cancels for null', () => {
  const timed = { kind: 'reminderSet', movieId: 7, remindAt: laterText } as const;
  const plain = { kind: 'reminderSet', movieId: 7, remindAt: null } as const;
  assert.deepEqual(decideSet(nothing, 7, undefined), { change: plain, schedule: 'keep' });
  assert.deepEqual(decideSet(nothing, 7, later), { change: timed, schedule: later });
  assert.deepEqual(decideSet(waiting, 7, later), { change: timed, schedule: 'keep' });
  assert.deepEqual(decideSet(waiting, 7, undefined), { change: timed, schedule: 'keep' });
  assert.deepEqual(decideSet(waiting, 7, null), { change: plain, schedule: 'cancel' });
  assert.equal(decideSet(waiting, 7, later + 1).schedule, later + 1);
  assert.deepEqual(decideSet(passed, 7, undefined), { change: timed, schedule: 'keep' });
  assert.deepEqual(decideSet(passed, 7, null), { change: plain, schedule: 'keep' });
});

test('cancels the schedule when a movie is cleared or watched', () => {
  assert.deepEqual(decideEnd(waiting, 7, 'watched'), { change: { kind: 'watched', movieId: 7 }, schedule: 'cancel' });
  assert.equal(decideEnd(waiting, 7, 'reminderCleared').schedule, 'cancel');
  assert.equal(decideEnd(nothing, 7, 'reminderCleared').schedule, 'keep');
});

test('encodes a change and its schedule as one atomic batch that expects the known schedule', () => {
  const known = { lastSubjectSequence: 5, subject: 'reminders.*.hub.alice.7' };
  const set = libraryMessage(place, decideSet(waiting, 7, later + 1000), waiting);
  assert.equal(set.subject, 'library.hub.alice');
  assert.deepEqual(set.expect, known);
  assert.equal(set.with?.subject, 'reminders.schedule.hub.alice.7');
  assert.equal(set.with?.headers['Nats-Schedule'], '@at 2026-03-01T13:00:01.000Z');
  assert.equal(set.with?.headers['Nats-Schedule-Target'], 'reminders.due.hub.alice.7');
  assert.equal(set.with?.headers['Nats-Rollup'], 'sub');
  assert.equal(set.with?.data, '{"remindAt":"2026-03-01T13:00:01.000Z"}');

  const kept = libraryMessage(place, decideSet(waiting, 7, undefined), waiting);
  // The expectation is about other subjects, so only the message id prevents storing the message twice.
  assert.ok(kept.headers['Nats-Msg-Id']);
  assert.deepEqual([kept.expect, kept.with], [known, undefined]);
  assert.equal(libraryMessage(place, decideSet(waiting, 7, undefined), waiting, true).expect, undefined);

  const ended = libraryMessage(place, decideEnd(waiting, 7, 'watched'), waiting);
  assert.deepEqual(ended.expect, known);
  assert.equal(libraryMessage(place, decideEnd(waiting, 7, 'watched'), waiting, true).expect, undefined);
  assert.equal(ended.with?.headers['Nats-Schedule'], undefined);
  assert.equal(ended.with?.data, '{"cancelled":true}');
});
