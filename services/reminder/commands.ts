/** Changing lists. What decides is pure; the broker's expectation makes sure that it still holds. */

import { encodeEvent, type OutgoingMessage } from '../../shared/broker/event-codec.ts';
import { invalid } from '../../shared/operations/errors.ts';
import { subjectOf } from '../../shared/operations/event.ts';
import { type LibraryChange, libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled } from './contract.ts';

/** What the view knows of the schedule and due subjects of a reminder at a site. */
export interface KnownSchedule {
  /** Sequence of the last message that it has seen there; 0 for none. */
  revision: number;
  /** What is scheduled; null for nothing. Milliseconds since 1970. */
  remindAt: number | null;
}

/** What is known of a reminder when a command comes. Times are milliseconds since 1970. */
export interface Known {
  /** The time of the reminder; null where it has none, or there is no reminder. */
  remindAt: number | null;
  schedule: KnownSchedule;
  /** When another site last said something of the movie and user: what is decided now comes behind that. */
  after?: number | undefined;
}

/** An event, and what becomes of the broker's schedule: it stays, is cancelled, or is made for a time. */
export interface Decision {
  change: LibraryChange;
  schedule: 'keep' | 'cancel' | number;
}

/** Whose library at which site, and which movie. */
export interface Place {
  site: string;
  userId: string;
  movieId: number;
}

const yearsAhead = 5;

/**
 * The time that a command asks for; undefined where it asks for none, null where it asks for no reminder.
 * @throws AppError invalid, naming the field, for a time in the past or more than five years ahead.
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

/** Puts a movie on the list. A time that it has already is not scheduled again: it may just have come. */
export function decideSet(known: Known, movieId: number, asked: number | null | undefined): Decision {
  const wanted = asked === undefined ? known.remindAt : asked;
  const remindAt = wanted === null ? null : new Date(wanted).toISOString();
  const change: LibraryChange = { kind: 'reminderSet', movieId, remindAt };
  if (wanted === null) return { change, schedule: endOf(known) };
  return { change, schedule: wanted === known.remindAt ? 'keep' : wanted };
}

/** Takes a movie off a list, or notes that it was watched; what was scheduled is over. */
export function decideEnd(known: Known, movieId: number, kind: 'reminderCleared' | 'watched'): Decision {
  return { change: { kind, movieId }, schedule: endOf(known) };
}

function endOf({ schedule }: Known): 'keep' | 'cancel' {
  return schedule.remindAt === null ? 'keep' : 'cancel';
}

/**
 * The messages of a decision, stored together or not at all. What was decided on a view that is behind must not leave
 * a reminder scheduled, or schedule it twice: so they are stored only if the schedule is the one that was known; with
 * `force` whatever it is: the last word holds. A cancellation would be right in any case, but a cluster of brokers sees
 * that two are in flight only where both expect something of the same filter.
 */
export function libraryMessage(
  place: Place,
  { change, schedule }: Decision,
  known: Known,
  force = false,
): OutgoingMessage {
  const behind = behindOf(place, schedule);
  const expect = scheduleIs(place, known.schedule.revision);
  const { site, userId } = place;
  return encodeEvent(
    libraryChanged,
    { userId },
    change,
    { site, source: 'reminder' },
    {
      ...(force ? {} : { expect }),
      ...(behind ? { with: behind } : {}),
      after: known.after,
    },
  );
}

function behindOf(place: Place, schedule: Decision['schedule']): OutgoingMessage | undefined {
  if (schedule === 'keep') return undefined;
  return schedule === 'cancel' ? unscheduledMessage(place) : scheduledMessage(place, schedule);
}

/** What was decided on is still so: nothing was scheduled, cancelled or due since. `revision` 0: nothing ever was. */
export function scheduleIs(place: Place, revision: number) {
  return { lastSubjectSequence: revision, subject: scheduleFilter(place) };
}

/** The subjects on which a reminder waits and becomes due. */
export function scheduleFilter(place: Place): string {
  return subjectOf('reminders.*.{site}.{userId}.{movieId}', { ...place });
}

/**
 * The broker replaces what was on the subject (Nats-Rollup). It does so by itself for a lone message only: of a batch,
 * a schedule that was replaced or cancelled stays stored, and is taken up again when the broker restarts.
 */
const replacing = { 'Nats-Rollup': 'sub' };

/** Has the broker wait for a reminder's time; one in the past has come at once. */
export function scheduledMessage(place: Place, time: number, expect?: ReturnType<typeof scheduleIs>): OutgoingMessage {
  const remindAt = new Date(time).toISOString();
  const headers = {
    ...replacing,
    // The headers become those of the due event, which happens then.
    'ce-time': remindAt,
    'Nats-Schedule': `@at ${remindAt}`,
    'Nats-Schedule-Target': subjectOf(reminderDue.subject, { ...place }),
  };
  const origin = { site: place.site, source: 'reminder' };
  return encodeEvent(reminderScheduled, { ...place }, { remindAt }, origin, { headers, ...(expect ? { expect } : {}) });
}

/** Has the broker wait no longer. */
export function unscheduledMessage(place: Place, expect?: ReturnType<typeof scheduleIs>): OutgoingMessage {
  const origin = { site: place.site, source: 'reminder' };
  const options = { headers: replacing, ...(expect ? { expect } : {}) };
  return encodeEvent(reminderUnscheduled, { ...place }, { cancelled: true }, origin, options);
}
