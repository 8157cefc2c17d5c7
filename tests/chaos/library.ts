/** Viewers with watch-later lists, reminders that become due during the run, and watched movies. */
import { send } from './client.ts';
import { type Actor, type Answers, type Desk, entrance, Register } from './ledger.ts';
import { likedMovies } from './likes.ts';

interface State {
  listed: boolean;
  remindAt: string | null;
  watched: boolean;
}

interface Entry {
  userId: string;
  movieId: number;
  register: Register<State>;
  /** Every time for which a reminder was requested. */
  times: string[];
  /** A time whose reminder was certainly cancelled early enough. */
  ended: string[];
}

/** Longest time until a reminder of the load becomes due. */
export const remindersMs = 6500;
/** A schedule that is cancelled later than this before its time may still become due. */
const closeMs = 1500;

export class Library implements Actor {
  readonly #desk: Desk;
  readonly #entries: Entry[] = [];

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async step(): Promise<void> {
    const { random } = this.#desk;
    const sure = this.#entries.filter(({ register }) => register.sure);
    const entry = sure.length > 4 && random.chance(0.6) ? random.pick(sure) : this.#add();
    const { state } = entry.register;
    const move = random.next();
    if (state.listed && move < 0.25) return this.#change(entry, 'DELETE', 'reminder', { ...state, ...offList });
    if (state.watched && move < 0.4) return this.#change(entry, 'DELETE', 'watched', { ...state, watched: false });
    if (move < 0.6) return this.#change(entry, 'POST', 'watched', { ...offList, watched: true });
    if (move < 0.75) return this.#change(entry, 'POST', 'reminder', { ...state, listed: true });
    const remindAt = new Date(Date.now() + random.between(2500, remindersMs - 500)).toISOString();
    entry.times.push(remindAt);
    return this.#change(entry, 'POST', 'reminder', { ...state, listed: true, remindAt }, { remindAt });
  }

  #add(): Entry {
    const { worker, random } = this.#desk;
    const index = this.#entries.length;
    const entry: Entry = {
      userId: `viewer-${worker}-${Math.floor(index / likedMovies.length)}`,
      movieId: likedMovies[index % likedMovies.length] as number,
      register: new Register<State>({ listed: false, remindAt: null, watched: false }),
      times: [],
      ended: [],
    };
    random.next();
    this.#entries.push(entry);
    return entry;
  }

  async #change(entry: Entry, method: string, list: string, next: State, body: object = {}): Promise<void> {
    const { ledger } = this.#desk;
    const { url } = entrance(this.#desk, 'reminder');
    const before = entry.register.state;
    const sent = method === 'POST' ? { body } : {};
    const result = await send(method, `${url}/${list}/${entry.userId}/${entry.movieId}`, sent);
    entry.register.write(result, next);
    ledger.count(`${method === 'POST' ? 'to' : 'off'} ${list}`, result.outcome);
    const intime = before.remindAt !== null && Date.parse(before.remindAt) - Date.now() > closeMs;
    if (result.outcome === 'acknowledged' && intime && next.remindAt !== before.remindAt) {
      entry.ended.push(before.remindAt as string);
    }
    const late = result.status === 400 && 'remindAt' in body && Date.parse(String(body.remindAt)) < Date.now() + 50;
    if (result.outcome === 'refused' && ![0, 503].includes(result.status) && !late) {
      const why = `${result.status} ${JSON.stringify(result.body)}`;
      ledger.found(`${method} ${list} ${entry.userId}/${entry.movieId} was refused with ${why}`);
    }
  }

  async check({ reminders, watched, subjects }: Answers): Promise<void> {
    const { ledger } = this.#desk;
    const key = (pair: { userId: string; movieId: number }): string => `${pair.userId}/${pair.movieId}`;
    const lists = reminders.map(({ member, items }, index) => ({
      member,
      reminders: new Map(items.map((item) => [key(item), item])),
      watched: new Set(watched[index]?.items.map(key)),
    }));
    for (const entry of this.#entries) {
      for (const list of lists) {
        const shown = list.reminders.get(key(entry));
        const state: State = {
          listed: shown !== undefined,
          remindAt: shown?.remindAt ?? null,
          watched: list.watched.has(key(entry)),
        };
        const possible = entry.register.possible.map((one) => JSON.stringify(one));
        if (!possible.includes(JSON.stringify(state))) {
          const expected = possible.join(' or ');
          ledger.found(`${list.member.name} shows ${key(entry)} as ${JSON.stringify(state)}, not ${expected}`);
        }
        const due = shown?.remindAt ? Date.parse(shown.remindAt) < Date.now() : false;
        if (shown && shown.due !== due) ledger.found(`${list.member.name} shows ${key(entry)} as due: ${shown.due}`);
      }
    }
    this.#checkDue(await subjects('LIBRARY'));
  }

  /** Checks that each reminder becomes due once, and a cancelled one never. */
  #checkDue(subjects: Record<string, number>): void {
    for (const { userId, movieId, times, ended, register } of this.#entries) {
      const count = subjects[`reminders.due.${this.#desk.system.site}.${userId}.${movieId}`] ?? 0;
      const { length } = times;
      const only = length === 1 && register.sure && register.state.remindAt === times[0];
      if (only && count !== 1) this.#desk.ledger.found(`the reminder of ${userId}/${movieId} was due ${count} times`);
      if (count > length - ended.length) {
        const detail = `of ${length} reminders ${ended.length} were taken back in time, yet ${count} were due`;
        this.#desk.ledger.found(`${userId}/${movieId}: ${detail}`);
      }
    }
  }
}

const offList = { listed: false, remindAt: null };
