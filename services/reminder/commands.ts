/** Decides changes of lists (pure) and encodes them. Expected sequences make the broker refuse outdated decisions. */
import { encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import { subjectOf } from '../../shared/operations/event.ts';
import { type LibraryChange, libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled } from './contract.ts';

/** The view's state of a reminder's schedule and due subjects at a site. */
export interface KnownSchedule {
  /** Sequence of the last message on these subjects that the view has read; 0 without one. */
  revision: number;
  /** Scheduled time, in milliseconds since 1970; null if nothing is scheduled. */
  remindAt: number | null;
}

/** The view's state of a reminder, which commands decide on. Times are milliseconds since 1970. */
export interface Known {
  /** The time of the reminder; null without a reminder, or for one without a time. */
  remindAt: number | null;
  schedule: KnownSchedule;
  /** Time of the last event of another site for this user and movie. The new event gets a later time. */
  after?: number | undefined;
}

/** An event, and what to do with the broker's schedule: keep it, cancel it, or replace it with one for a time. */
export interface Decision {
  change: LibraryChange;
  schedule: 'keep' | 'cancel' | number;
}

/** Identifies a reminder in the streams. */
export interface ReminderKey {
  site: string;
  userId: string;
  movieId: number;
}

const yearsAhead = 5;

/**
 * Parses the `remindAt` of a request, as milliseconds since 1970. Keeps undefined (no change) and null (no reminder).
 * @throws AppError invalid for a time in the past or more than five years ahead
 */
export function checkRemindAt(input: string | null | undefined, now: number): number | null | undefined {
  if (input === null || input === undefined) return input;
  const remindAt = Date.parse(input);
  const last = new Date(now);
  last.setUTCFullYear(last.getUTCFullYear() + yearsAhead);
  if (remindAt > now && remindAt <= last.getTime()) return remindAt;
  const message = remindAt > now ? `must be at most ${yearsAhead} years ahead` : 'must be in the future';
  throw invalid({ field: 'remindAt', message });
}

/** Puts a movie on the list. An unchanged time is not scheduled again, because it may have just become due. */
export function decideSet(known: Known, movieId: number, asked: number | null | undefined): Decision {
  const wanted = asked === undefined ? known.remindAt : asked;
  const remindAt = wanted === null ? null : new Date(wanted).toISOString();
  const change: LibraryChange = { kind: 'reminderSet', movieId, remindAt };
  if (wanted === null) return { change, schedule: endOf(known) };
  return { change, schedule: wanted === known.remindAt ? 'keep' : wanted };
}

/** Takes a movie off the watch-later list or marks it as watched, and cancels its schedule. */
export function decideEnd(known: Known, movieId: number, kind: 'reminderCleared' | 'watched'): Decision {
  return { change: { kind, movieId }, schedule: endOf(known) };
}

function endOf({ schedule }: Known): 'keep' | 'cancel' {
  return schedule.remindAt === null ? 'keep' : 'cancel';
}

/**
 * Encodes a decision as one or two messages that are stored atomically. A decision on an outdated view must not leave a
 * reminder scheduled or schedule it twice, so the messages expect the known revision of the schedule. A cancellation
 * would be harmless without that, but a broker cluster detects concurrent writes only if both expect the same filter.
 * @param force whether to publish without the expectation, so that the last writer wins
 */
export function libraryMessage(
  key: ReminderKey,
  { change, schedule }: Decision,
  known: Known,
  force = false,
): OutgoingMessage {
  const scheduling = schedulingMessage(key, schedule);
  const expect = expectSchedule(key, known.schedule.revision);
  const { site, userId } = key;
  return encodeEvent(
    libraryChanged,
    { userId },
    change,
    { site, source: 'reminder' },
    {
      ...(force ? {} : { expect }),
      ...(scheduling ? { with: scheduling } : {}),
      after: known.after,
    },
  );
}

function schedulingMessage(key: ReminderKey, schedule: Decision['schedule']): OutgoingMessage | undefined {
  if (schedule === 'keep') return undefined;
  return schedule === 'cancel' ? unscheduledMessage(key) : scheduledMessage(key, schedule);
}

/** Expects that nothing was scheduled, cancelled or due after `revision`; 0 means that nothing ever was. */
export function expectSchedule(key: ReminderKey, revision: number) {
  return { lastSubjectSequence: revision, subject: scheduleFilter(key) };
}

/** Returns the filter for a reminder's schedule and due subjects. */
export function scheduleFilter(key: ReminderKey): string {
  return subjectOf('reminders.*.{site}.{userId}.{movieId}', { ...key });
}

/**
 * Makes the broker delete earlier messages on the subject. For schedules it does that on its own, but not in atomic
 * batches: there, a replaced or cancelled schedule would stay stored and become active when the broker restarts.
 */
const rollup = { 'Nats-Rollup': 'sub' };

/** Makes the broker publish the due event at a time, or at once for a time in the past. */
export function scheduledMessage(key: ReminderKey, time: number, expect?: OutgoingMessage['expect']): OutgoingMessage {
  const remindAt = new Date(time).toISOString();
  const headers = {
    ...rollup,
    // The broker copies the headers to the due event, so they have its time.
    'ce-time': remindAt,
    'Nats-Schedule': `@at ${remindAt}`,
    'Nats-Schedule-Target': subjectOf(reminderDue.subject, { ...key }),
  };
  const origin = { site: key.site, source: 'reminder' };
  return encodeEvent(reminderScheduled, { ...key }, { remindAt }, origin, { headers, ...(expect ? { expect } : {}) });
}

/** Cancels the broker's schedule. */
export function unscheduledMessage(key: ReminderKey, expect?: OutgoingMessage['expect']): OutgoingMessage {
  const origin = { site: key.site, source: 'reminder' };
  const options = { headers: rollup, ...(expect ? { expect } : {}) };
  return encodeEvent(reminderUnscheduled, { ...key }, { cancelled: true }, origin, options);
}
