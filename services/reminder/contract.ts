/** What others may use of reminder: operations and events. No input or output happens here. */
import { z } from 'zod';
import { event } from '../../shared/operations/event.ts';
import { movieId, page, paging, timestamp, userId } from '../../shared/operations/fields.ts';
import { operation, type ServiceContract } from '../../shared/operations/operation.ts';

const instant = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 time with its zone, such as 2030-01-31T20:00:00Z',
});

const pair = z.object({ userId, movieId });
const title = z.string().nullable().meta({ description: 'Title; null when the movie is gone' });

/** A movie on someone's watch-later list. */
export const reminderEntry = pair
  .extend({
    title,
    addedAt: timestamp,
    remindAt: timestamp.nullable().meta({ description: 'When to remind; null for never' }),
    due: z.boolean().meta({ description: 'Whether that time has come' }),
    dueAt: timestamp.nullable().meta({ description: 'When it came; null before' }),
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
      'Puts a movie on the watch-later list; with remindAt, reminds at that time. On the list already, it stays there ' +
      'with its addedAt: remindAt changes the time, null takes it away, and without the field it stays',
    input: pair.extend({
      remindAt: instant
        .nullable()
        .optional()
        .meta({ description: 'ISO 8601 with zone; in the future and at most 5 years ahead' }),
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
    summary: 'Takes a movie off the watch-later list; 404 where it is not on it',
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
    summary: 'What a movie is to a user: its entry on the watch-later list, and whether it was watched',
    input: pair,
    output: pair.extend({ reminder: reminderEntry.nullable(), watched: z.boolean() }),
    example: { userId: 'alice', movieId: 1 },
  }),
  list: operation({
    subject: 'reminder.list',
    method: 'GET',
    path: '/reminder/:userId',
    access: 'self',
    summary: 'The watch-later list of a user, newest first',
    input: ofUser,
    output: page(reminderEntry),
    example: { userId: 'alice' },
  }),
  all: operation({
    subject: 'reminder.all',
    method: 'GET',
    path: '/reminder',
    access: 'admin',
    summary: 'The watch-later lists of all users, newest first',
    input: ofAll,
    output: page(reminderEntry),
    example: {},
  }),
  watch: operation({
    subject: 'reminder.watch',
    method: 'POST',
    path: '/watched/:userId/:movieId',
    access: 'self',
    summary: 'Notes that a user has watched a movie, and takes it off the watch-later list',
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
    summary: 'Takes a movie off the watched ones; 404 where it is not among them',
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
    summary: 'The movies that a user has watched, newest first',
    input: ofUser,
    output: page(watchedEntry),
    example: { userId: 'alice' },
  }),
  allWatched: operation({
    subject: 'reminder.allWatched',
    method: 'GET',
    path: '/watched',
    access: 'admin',
    summary: 'What all users have watched, newest first',
    input: ofAll,
    output: page(watchedEntry),
    example: {},
  }),
};

/** What a user's library says of one movie from now on. A state, not a step: a repeat changes nothing. */
export const libraryChanged = event({
  type: 'marquee.library.changed.v1',
  stream: 'LIBRARY',
  subject: 'library.{site}.{userId}',
  summary: 'A movie was put on or taken off the watch-later list or the watched movies of a user',
  payload: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('reminderSet'), movieId, remindAt: instant.nullable().default(null) }),
    z.object({ kind: z.literal('reminderCleared'), movieId }),
    z.object({ kind: z.literal('watched'), movieId }),
    z.object({ kind: z.literal('unwatched'), movieId }),
  ]),
  example: { kind: 'reminderSet', movieId: 1, remindAt: '2030-01-31T20:00:00.000Z' },
});
export type LibraryChange = z.output<typeof libraryChanged.payload>;

/** The time of a reminder has come. `remindAt` says which time: a later change of the reminder makes it void. */
export const reminderDue = event({
  type: 'marquee.reminder.due.v1',
  stream: 'LIBRARY',
  subject: 'reminders.due.{site}.{userId}.{movieId}',
  summary: 'The time of a reminder has come',
  payload: z.object({ remindAt: instant }),
  example: { remindAt: '2030-01-31T20:00:00.000Z' },
});

/** The same event while it waits: at its time the broker moves it, headers and all, to the subject of `reminderDue`. */
export const reminderScheduled = event({
  ...reminderDue,
  subject: 'reminders.schedule.{site}.{userId}.{movieId}',
  summary: 'A reminder that waits for its time',
});

/** Takes the place of the waiting event on its subject, so that it does not happen. */
export const reminderUnscheduled = event({
  type: 'marquee.reminder.unscheduled.v1',
  stream: 'LIBRARY',
  subject: reminderScheduled.subject,
  summary: 'A reminder no longer waits',
  payload: z.object({ cancelled: z.literal(true) }),
  example: { cancelled: true },
});

/** The service as others see it. */
export const reminderContract = {
  name: 'reminder',
  description: 'Watch-later lists with timed reminders, and watched movies',
  port: 8083,
  operations: reminder,
  events: [libraryChanged, reminderDue, reminderScheduled, reminderUnscheduled],
  // Due reminders are made by the broker; cancelling one before its time is said where it waits.
  publishes: [libraryChanged, reminderScheduled, reminderUnscheduled],
} satisfies ServiceContract;
