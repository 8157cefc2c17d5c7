/**
 * Corrects the broker's schedules to match the lists. Creates a schedule for reminders that were published by hand or
 * lost theirs; cancels it for reminders that another site has ended.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { WrongLastSequence } from '../../shared/broker/publisher.ts';
import { messageOf } from '../../shared/operations/errors.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { expectSchedule, type ReminderKey, scheduledMessage, scheduleFilter, unscheduledMessage } from './commands.ts';
import { libraryChanged } from './contract.ts';
import type { ReminderQueries, ScheduleRow } from './queries.ts';

const roundMs = 1000;
/** Rounds between checks of the broker for lost schedules, whose loss no event reports. */
const checkEvery = 5;
const remindersPerRound = 200;
/** Time after which a reminder that is still scheduled counts as not fired. */
const overdueMs = 10_000;
/** Interval of write probes while reminders do not fire: the broker may store nothing. A probe stays in the stream. */
const probeEveryMs = 60_000;

/** Every replica runs a keeper. Expected sequences let only one of them publish each correction. */
export class ScheduleKeeper implements AsyncDisposable {
  readonly #context: ServiceContext<ReminderQueries>;
  readonly #running: Promise<void>;
  readonly #stopping = new AbortController();
  #probedAt = Number.NEGATIVE_INFINITY;

  constructor(context: ServiceContext<ReminderQueries>) {
    this.#context = context;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let logged = '';
    for (let round = 0; !signal.aborted; round++) {
      try {
        if (this.#context.connection.connected) await this.#round(round % checkEvery === 0);
        logged = '';
      } catch (error) {
        // The broker or the view is unavailable. The next round tries again; a repeated reason is logged once.
        const reason = messageOf(error);
        if (reason !== logged) this.#context.log.warn({ reason }, 'checking reminder schedules failed; retrying');
        logged = reason;
      }
      await pause(roundMs, undefined, { signal }).catch(() => {});
    }
  }

  async #round(checkBroker: boolean): Promise<void> {
    const { view, config, commands, now } = this.#context;
    const { queries } = view;
    // A view that is behind may ask for schedules that are obsolete.
    if (!view.caughtUp) return;
    const soon = now() + checkEvery * roundMs;
    const waiting = checkBroker ? queries.waiting(config.site, soon, remindersPerRound) : [];
    const overdue = waiting.some(({ remindAt }) => remindAt !== null && remindAt < now() - overdueMs);
    if (overdue && performance.now() - this.#probedAt > probeEveryMs) {
      this.#probedAt = performance.now();
      void commands.publisher.health.probe(libraryChanged.stream);
    }
    const mismatches = queries.mismatches(config.site, remindersPerRound);
    // One failure must not prevent the other corrections.
    await all([...mismatches.map((row) => this.#correct(row)), ...waiting.map((row) => this.#restore(row))]);
  }

  /** Creates or cancels a schedule, if the stream has no later message than the view knows. */
  async #correct(row: ScheduleRow): Promise<void> {
    if (await this.#publish(row, row.revision)) return;
    // Either another replica was first, which the view will show, or messages were deleted, which it will not.
    await this.#restore(row);
  }

  /** Publishes a schedule again that the view has read and the broker no longer has. */
  async #restore(row: ScheduleRow): Promise<void> {
    const stored = await this.#lastStored(this.#keyOf(row));
    // A later sequence means that the view is behind; the same one, that nothing was lost.
    if (stored < row.revision || this.#isUnreadable(row, stored)) await this.#publish(row, stored);
  }

  /** Returns whether the view has passed the reminder's last message without applying it, because it is invalid. */
  #isUnreadable({ userId, movieId, revision }: ScheduleRow, stored: number): boolean {
    const { view, config } = this.#context;
    const read = view.position(libraryChanged.stream)?.sequence ?? 0;
    return (
      stored > revision &&
      stored <= read &&
      view.queries.known(userId, movieId, config.site).schedule.revision === revision
    );
  }

  async #publish(row: ScheduleRow, revision: number): Promise<boolean> {
    const key = this.#keyOf(row);
    const expect = expectSchedule(key, revision);
    const message =
      row.remindAt === null ? unscheduledMessage(key, expect) : scheduledMessage(key, row.remindAt, expect);
    const { commands, log } = this.#context;
    try {
      await commands.publisher.publish(message);
    } catch (error) {
      if (error instanceof WrongLastSequence) return false;
      throw error;
    }
    // Without the user id, because logs at level info name no users.
    log.info({ sequence: row.revision }, 'the schedule of a reminder was corrected');
    return true;
  }

  #keyOf({ userId, movieId }: ScheduleRow): ReminderKey {
    return { site: this.#context.config.site, userId, movieId };
  }

  /** Returns the sequence of the last message on a reminder's schedule and due subjects; 0 without one. */
  async #lastStored(key: ReminderKey): Promise<number> {
    const { jsm } = this.#context.connection.link;
    const query = { last_by_subj: scheduleFilter(key) };
    return (await jsm.direct.getMessage(libraryChanged.stream, query))?.seq ?? 0;
  }
}

/** Waits for all promises, and then throws the first failure. */
async function all(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}
