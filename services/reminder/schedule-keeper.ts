/**
 * Keeps the broker's schedules as the lists want them: for reminders that were published by hand, or whose schedule
 * was lost, one is made; of those that another site has ended, it is cancelled.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { WrongLastSequence } from '../../shared/broker/publisher.ts';
import { messageOf } from '../../shared/operations/errors.ts';
import type { ServiceContext } from '../../shared/service.ts';
import { type Place, scheduledMessage, scheduleFilter, scheduleIs, unscheduledMessage } from './commands.ts';
import { libraryChanged } from './contract.ts';
import type { ReminderQueries, ScheduleRow } from './queries.ts';

const everyMs = 1000;
/** Rounds between looks at the broker for reminders that come up: a lost schedule shows in no event. */
const looksEvery = 5;
const perRound = 200;
/** A reminder whose schedule is still there so long after its time was not fired. */
const overdueMs = 10_000;
/** The broker may store nothing any more: it is asked to this seldom, as what is stored stays. */
const probeEveryMs = 60_000;

/** Every replica runs one. What they do at the same time the broker takes from one of them only. */
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
    let told = '';
    for (let round = 0; !signal.aborted; round++) {
      try {
        if (this.#context.connection.connected) await this.#round(round % looksEvery === 0);
        told = '';
      } catch (error) {
        // The broker or the view is away; the next round sees the same again, and says nothing of it.
        const reason = messageOf(error);
        if (reason !== told) this.#context.log.warn({ reason }, 'schedules cannot be looked after');
        told = reason;
      }
      await pause(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  async #round(look: boolean): Promise<void> {
    const { view, config, commands, now } = this.#context;
    const { queries } = view;
    // A view that is still reading may want what has changed since.
    if (!view.caughtUp) return;
    const soon = now() + looksEvery * everyMs;
    const waiting = look ? queries.waiting(config.site, soon, perRound) : [];
    const overdue = waiting.some(({ remindAt }) => remindAt !== null && remindAt < now() - overdueMs);
    if (overdue && performance.now() - this.#probedAt > probeEveryMs) {
      this.#probedAt = performance.now();
      void commands.publisher.health.probe(libraryChanged.stream);
    }
    const unsettled = queries.unsettled(config.site, perRound);
    // One that cannot be put right must not keep the others from it.
    await all([...unsettled.map((row) => this.#settle(row)), ...waiting.map((row) => this.#restore(row))]);
  }

  /** Makes or cancels a schedule, if the stream still holds what the view knows. */
  async #settle(row: ScheduleRow): Promise<void> {
    if (await this.#publish(row, row.revision)) return;
    // Another replica was first and the view will show it, or messages were deleted and it never will.
    await this.#restore(row);
  }

  /** Makes a schedule that the view has seen and the broker no longer has. */
  async #restore(row: ScheduleRow): Promise<void> {
    const stored = await this.#lastStored(this.#place(row));
    // Later than what the view knows: it is behind. The same: all is well.
    if (stored < row.revision || this.#isUnreadable(row, stored)) await this.#publish(row, stored);
  }

  /** Whether the view has read the last message of a reminder and knows nothing of it: it counts for nothing. */
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
    const place = this.#place(row);
    const expect = scheduleIs(place, revision);
    const message =
      row.remindAt === null ? unscheduledMessage(place, expect) : scheduledMessage(place, row.remindAt, expect);
    const { commands, log } = this.#context;
    try {
      await commands.publisher.publish(message);
    } catch (error) {
      if (error instanceof WrongLastSequence) return false;
      throw error;
    }
    // Not whose it is: no line at info names users.
    log.info({ sequence: row.revision }, 'a schedule was put right');
    return true;
  }

  #place({ userId, movieId }: ScheduleRow): Place {
    return { site: this.#context.config.site, userId, movieId };
  }

  /** Sequence of the last message on a reminder's schedule and due subjects; 0 for none. */
  async #lastStored(place: Place): Promise<number> {
    const { jsm } = this.#context.connection.link;
    const query = { last_by_subj: scheduleFilter(place) };
    return (await jsm.direct.getMessage(libraryChanged.stream, query))?.seq ?? 0;
  }
}

/** Lets all of them end, and throws the first failure then. */
async function all(work: Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}
