/** The public interface of reminder: its operations and events. No I/O. */
import { z } from 'zod';
import { event } from '../../shared/operations/event.ts';
import { movieId, page, paging, timestamp, userId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';

const instant = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 time with its zone, such as 2030-01-31T20:00:00Z' })
  // An offset can move it out of the years that have four digits, which no reader accepts.
  .refine((text) => new Date(text).toJSON()?.length !== 27, 'must be in the years 0000 to 9999 in UTC');

const pair = z.object({ userId, movieId });
const title = z.string().nullable().meta({ description: 'Title; null for a removed movie' });

/** A movie on someone's watch-later list. */
export const reminderEntry = pair
  .extend({
    title,
    addedAt: timestamp,
    remindAt: timestamp.nullable().meta({ description: 'When to remind; null for never' }),
    due: z.boolean().meta({ description: 'Whether the time of the reminder has come' }),
    dueAt: timestamp.nullable().meta({ description: 'When the reminder became due; null before' }),
  })
  .meta({ id: 'Reminder' });
export type ReminderEntry = z.input<typeof reminderEntry>;

/** A movie that someone has watched. */
export const watchedEntry = pair.extend({ title, watchedAt: timestamp }).meta({ id: 'Watched' });
export type WatchedEntry = z.input<typeof watchedEntry>;

const ofUser = z.object({ userId, ...paging });
const ofAll = z.object(paging);

export const reminder = {
  set: operation({
    subject: 'reminder.set',
    method: 'POST',
    path: '/reminder/:userId/:movieId',
    access: 'self',
    summary:
      'Puts a movie on the watch-later list; with remindAt, reminds at that time. A movie that is already on the list ' +
      'keeps its addedAt: remindAt then changes the time, null removes it, and without the field the time stays',
    input: pair.extend({
      remindAt: instant
        .nullable()
        .optional()
        .meta({ description: 'ISO 8601 time with zone, in the future and at most 5 years ahead' }),
    }),
    output: reminderEntry,
    success: 201,
    errors: ['not_found'],
    example: { userId: 'alice', movieId: 1 },
  }),
  clear: operation({
    subject: 'reminder.clear',
    method: 'DELETE',
    path: '/reminder/:userId/:movieId',
    access: 'self',
    summary: 'Takes a movie off the watch-later list; 404 if it is not on the list',
    input: pair,
    output: pair,
    errors: ['not_found'],
    example: { userId: 'alice', movieId: 1 },
  }),
  entry: operation({
    subject: 'reminder.entry',
    method: 'GET',
    path: '/reminder/:userId/:movieId',
    access: 'self',
    summary: "Returns a user's watch-later entry for a movie, and whether the user has watched it",
    input: pair,
    output: pair.extend({ reminder: reminderEntry.nullable(), watched: z.boolean() }),
    example: { userId: 'alice', movieId: 1 },
  }),
  list: operation({
    subject: 'reminder.list',
    method: 'GET',
    path: '/reminder/:userId',
    access: 'self',
    summary: 'Lists the watch-later movies of a user, newest first',
    input: ofUser,
    output: page(reminderEntry),
    example: { userId: 'alice' },
  }),
  all: operation({
    subject: 'reminder.all',
    method: 'GET',
    path: '/reminder',
    access: 'admin',
    summary: 'Lists the watch-later movies of all users, newest first',
    input: ofAll,
    output: page(reminderEntry),
    example: {},
  }),
  watch: operation({
    subject: 'reminder.watch',
    method: 'POST',
    path: '/watched/:userId/:movieId',
    access: 'self',
    summary: 'Marks a movie as watched, and takes it off the watch-later list',
    input: pair,
    output: watchedEntry,
    success: 201,
    errors: ['not_found'],
    example: { userId: 'alice', movieId: 1 },
  }),
  unwatch: operation({
    subject: 'reminder.unwatch',
    method: 'DELETE',
    path: '/watched/:userId/:movieId',
    access: 'self',
    summary: 'Removes a movie from the watched movies; 404 if it is not one of them',
    input: pair,
    output: pair,
    errors: ['not_found'],
    example: { userId: 'alice', movieId: 1 },
  }),
  watched: operation({
    subject: 'reminder.watched',
    method: 'GET',
    path: '/watched/:userId',
    access: 'self',
    summary: 'Lists the watched movies of a user, newest first',
    input: ofUser,
    output: page(watchedEntry),
    example: { userId: 'alice' },
  }),
  allWatched: operation({
    subject: 'reminder.allWatched',
    method: 'GET',
    path: '/watched',
    access: 'admin',
    summary: 'Lists the watched movies of all users, newest first',
    input: ofAll,
    output: page(watchedEntry),
    example: {},
  }),
};

/** States a movie's new status in a user's library. It is a state, so repeating the event changes nothing. */
export const libraryChanged = event({
  type: 'marquee.library.changed.v1',
  stream: 'LIBRARY',
  subject: 'library.{site}.{userId}',
  summary: "A movie was added to or removed from a user's watch-later list or watched movies",
  payload: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('reminderSet'), movieId, remindAt: instant.nullable().default(null) }),
    z.object({ kind: z.literal('reminderCleared'), movieId }),
    z.object({ kind: z.literal('watched'), movieId }),
    z.object({ kind: z.literal('unwatched'), movieId }),
  ]),
  example: { kind: 'reminderSet', movieId: 1, remindAt: '2030-01-31T20:00:00.000Z' },
});
export type LibraryChange = z.output<typeof libraryChanged.payload>;

/** The time of a reminder has come. It counts only if `remindAt` is still the reminder's time. */
export const reminderDue = event({
  type: 'marquee.reminder.due.v1',
  stream: 'LIBRARY',
  subject: 'reminders.due.{site}.{userId}.{movieId}',
  summary: 'The time of a reminder has come',
  payload: z.object({ remindAt: instant }),
  example: { remindAt: '2030-01-31T20:00:00.000Z' },
});

/** The due event while the broker holds it. At its time, the broker publishes it as `reminderDue`, with its headers. */
export const reminderScheduled = event({
  ...reminderDue,
  subject: 'reminders.schedule.{site}.{userId}.{movieId}',
  summary: 'A reminder was scheduled',
});

/** Replaces the scheduled event on its subject, so that the reminder does not become due. */
export const reminderUnscheduled = event({
  type: 'marquee.reminder.unscheduled.v1',
  stream: 'LIBRARY',
  subject: reminderScheduled.subject,
  summary: 'The schedule of a reminder was cancelled',
  payload: z.object({ cancelled: z.literal(true) }),
  example: { cancelled: true },
});

/** Describes the service to the gateway, the API documents, the broker's permissions and other services. */
export const reminderContract = {
  name: 'reminder',
  description: 'Watch-later lists with timed reminders, and watched movies',
  port: 8083,
  operations: reminder,
  events: [libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled],
  // Not reminderDue, which the broker publishes.
  publishes: [libraryChanged, reminderScheduled, reminderUnscheduled],
} satisfies ServiceContract;
