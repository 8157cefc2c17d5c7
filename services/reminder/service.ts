/** The reminder service: watch-later lists with timed reminders, and watched movies. */
import { type Handlers, respond } from '../../shared/operations/endpoint.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { defineService, type ServiceContext } from '../../shared/service.ts';
import { movieStated } from '../movies/contract.ts';
import {
  checkRemindAt,
  type Decision,
  decideEnd,
  decideSet,
  type Known,
  libraryMessage,
  type ReminderKey,
} from './commands.ts';
import { libraryChanged, type ReminderEntry, type reminder, reminderContract, type WatchedEntry } from './contract.ts';
import { type EntryRow, type ReminderQueries, reminderQueries } from './queries.ts';
import { ScheduleKeeper } from './schedule-keeper.ts';
import type { ListName } from './state.ts';

export const startReminder = defineService({
  ...reminderContract,
  source: import.meta.url,
  queries: reminderQueries,
  handlers,
  background: (context) => [new ScheduleKeeper(context)],
});

interface Pair {
  userId: string;
  movieId: number;
}

/** Attempts with an expected schedule. If all fail, the next one is published without, so that the last writer wins. */
const attemptsWithExpectation = 3;

function handlers(context: ServiceContext<ReminderQueries>): Handlers<typeof reminder> {
  const { view, commands, config, now } = context;
  const { stream } = libraryChanged;
  const keyOf = ({ userId, movieId }: Pair): ReminderKey => ({ site: config.site, userId, movieId });

  /** Returns the title of a movie. @throws AppError not_found; unavailable if the view cannot catch up */
  const requireMovie = async (movieId: number, deadline: number): Promise<string> => {
    const find = () => view.queries.title(movieId);
    const title = await commands.find(find, { stream: movieStated.stream, deadline });
    if (title === undefined) throw new AppError('not_found', `There is no movie ${movieId}.`);
    return title;
  };

  const known = ({ userId, movieId }: Pair): Known => view.queries.known(userId, movieId, config.site);

  /** Publishes the result of `decide`. @returns the decision, and whether the view shows it already */
  const change = async (
    pair: Pair,
    deadline: number,
    decide: (known: Known) => Decision,
  ): Promise<Decision & { visible: boolean }> => {
    let attempt = 0;
    let decision!: Decision;
    const done = await commands.execute(
      () => {
        const before = known(pair);
        decision = decide(before);
        return libraryMessage(keyOf(pair), decision, before, ++attempt > attemptsWithExpectation);
      },
      { stream, deadline },
    );
    return { ...decision, visible: done?.visible ?? false };
  };

  /** @throws AppError not_found if a movie is not on a list, even after the view has caught up with the stream */
  const requireEntry = async (list: ListName, { userId, movieId }: Pair, deadline: number): Promise<void> => {
    if (await commands.find(() => view.queries.entry(list, userId, movieId), { stream, deadline })) return;
    const name = list === 'reminder' ? 'on the watch-later list' : 'among the watched movies';
    throw new AppError('not_found', `Movie ${movieId} is not ${name} of ${userId}.`);
  };

  /** Returns a list entry from the view, or as it will be while the view lags behind and may not answer at all. */
  const entryOf = (
    list: ListName,
    { userId, movieId }: Pair,
    title: string | null,
    { change, visible }: Decision & { visible: boolean },
  ): EntryRow => {
    const found = visible ? view.queries.entry(list, userId, movieId) : undefined;
    const asked = change.kind === 'reminderSet' ? change.remindAt : null;
    const remindAt = asked === null ? null : Date.parse(asked);
    return found ?? { userId, movieId, title, addedAt: now(), remindAt, dueAt: null };
  };

  return {
    async set({ remindAt: text, ...pair }, { deadline }) {
      const asked = checkRemindAt(text, now());
      const title = await requireMovie(pair.movieId, deadline);
      const done = await change(pair, deadline, (before) => decideSet(before, pair.movieId, asked));
      return respond(reminderOf(entryOf('reminder', pair, title, done)), { visible: done.visible });
    },
    async clear(pair, { deadline }) {
      await requireEntry('reminder', pair, deadline);
      const done = await change(pair, deadline, (before) => decideEnd(before, pair.movieId, 'reminderCleared'));
      return respond(pair, { visible: done.visible });
    },
    entry: ({ userId, movieId }) => {
      const found = view.queries.entry('reminder', userId, movieId);
      const watched = view.queries.entry('watched', userId, movieId) !== undefined;
      return { userId, movieId, reminder: found ? reminderOf(found) : null, watched };
    },
    list: ({ userId, ...page }) => listOf(view.queries.ofUser('reminder', userId, page), reminderOf),
    all: (page) => listOf(view.queries.ofAll('reminder', page), reminderOf),

    async watch(pair, { deadline }) {
      const title = await requireMovie(pair.movieId, deadline);
      const done = await change(pair, deadline, (before) => decideEnd(before, pair.movieId, 'watched'));
      return respond(watchedOf(entryOf('watched', pair, title, done)), { visible: done.visible });
    },
    async unwatch(pair, { deadline }) {
      await requireEntry('watched', pair, deadline);
      const decision: Decision = { change: { kind: 'unwatched', movieId: pair.movieId }, schedule: 'keep' };
      const message = libraryMessage(keyOf(pair), decision, known(pair), true);
      const done = await commands.execute(() => message, { stream, deadline });
      return respond(pair, { visible: done?.visible });
    },
    watched: ({ userId, ...page }) => listOf(view.queries.ofUser('watched', userId, page), watchedOf),
    allWatched: (page) => listOf(view.queries.ofAll('watched', page), watchedOf),
  };
}

function listOf<T>({ items, next }: { items: EntryRow[]; next: string | null }, show: (row: EntryRow) => T) {
  return { items: items.map(show), next };
}

function reminderOf({ userId, movieId, title, addedAt, remindAt, dueAt }: EntryRow): ReminderEntry {
  const due = dueAt !== null;
  return { userId, movieId, title, addedAt: iso(addedAt), remindAt: isoOrNull(remindAt), due, dueAt: isoOrNull(dueAt) };
}

function watchedOf({ userId, movieId, title, addedAt }: EntryRow): WatchedEntry {
  return { userId, movieId, title, watchedAt: iso(addedAt) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function isoOrNull(time: number | null): string | null {
  return time === null ? null : iso(time);
}
