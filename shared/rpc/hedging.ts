/** What a caller knows of the replicas of one service: who is there, who has gone silent, and who can be asked instead. */
import type { Late, NoReply } from '../broker/reply-inbox.ts';

interface Replica {
  /** When it last answered anything, by performance.now(). */
  answeredAt: number;
  /** When the newest of the requests was sent that it has answered. */
  askedAt: number;
}

/** Sends an empty request to one replica, and says when that is late, and how it ended. */
export type Probe = (replica: string, timeoutMs: number, late: Late, ended: (failure: NoReply | null) => void) => void;

/** A replica that does not answer an empty request within this time hangs. */
const probeLateMs = 200;
const probeMs = 1000;
/** Packs are repeated this seldom where no replica hangs: what is late then is mostly only slow. */
const slowAgainMs = 50;
const forgetMs = 60_000;

/**
 * The broker shares requests out among all replicas that are connected, also to one that hangs, until it notices. A
 * request that is late makes us ask those replicas that have not answered since; until they do, or are gone,
 * requests are sent to one of the others.
 */
export class Replicas {
  readonly #probe: Probe;
  readonly #known = new Map<string, Replica>();
  readonly #silent = new Set<string>();
  readonly #probed = new Set<string>();
  /** What is to be sent again as soon as it is known who answers. */
  #waiting: { since: number; send: (replica: string) => void }[] = [];
  #slowAgainAt = 0;
  /** When a replica was last found to be silent or gone. */
  #lostAt = Number.NEGATIVE_INFINITY;

  constructor(probe: Probe) {
    this.#probe = probe;
  }

  /** The replica to send to; undefined for any: while none is silent, and while all are. */
  get target(): string | undefined {
    return this.#silent.size === 0 ? undefined : oneOf([...this.#known.keys()].filter((id) => !this.#silent.has(id)));
  }

  /** A replica has answered what was sent at `askedAt`. */
  answered(id: string, askedAt: number): void {
    const now = performance.now();
    const replica = this.#known.get(id);
    if (!replica) this.#meet(id, { answeredAt: now, askedAt });
    else {
      replica.answeredAt = now;
      if (askedAt > replica.askedAt) replica.askedAt = askedAt;
    }
    if (this.#silent.size > 0) this.#silent.delete(id);
  }

  /** Whether any replica has answered anything since then. */
  answeredSince(time: number): boolean {
    return [...this.#known.values()].some(({ answeredAt }) => answeredAt >= time);
  }

  /** What was sent to it met nobody. */
  gone(id: string): void {
    this.#lostAt = performance.now();
    this.#known.delete(id);
    this.#silent.delete(id);
  }

  /**
   * Something sent at `askedAt` is late. `send` is called, now or in a moment or never, with the replica to send it to
   * again. Where replicas have more to do than they can they still answer, one by one: then nothing is sent again.
   */
  late(askedAt: number, send?: (replica: string | undefined) => void): void {
    const quiet = [...this.#known].filter(([, { answeredAt }]) => answeredAt < askedAt).map(([id]) => id);
    for (const id of quiet) this.#ask(id);
    if (!send) return;
    const awake = oneOf([...this.#known.keys()].filter((id) => !quiet.includes(id)));
    if (this.#known.size === 0) send(undefined);
    else if (awake === undefined) this.#wait(send);
    else if (quiet.length > 0 || this.#lostAt > askedAt) send(awake);
    else this.#lateAtUnknown(askedAt, send);
  }

  /** All replicas that are known answer: it is slow, or with one that has never answered. */
  #lateAtUnknown(askedAt: number, send: (replica: string) => void): void {
    const now = performance.now();
    const ahead = oneOf([...this.#known].filter(([, replica]) => replica.askedAt > askedAt).map(([id]) => id));
    if (ahead === undefined || now < this.#slowAgainAt) return;
    this.#slowAgainAt = now + slowAgainMs;
    send(ahead);
  }

  #wait(send: (replica: string) => void): void {
    const since = performance.now();
    this.#waiting = this.#waiting.filter((other) => since - other.since < forgetMs);
    this.#waiting.push({ since, send });
  }

  #meet(id: string, replica: Replica): void {
    for (const [other, { answeredAt }] of this.#known) {
      if (replica.answeredAt - answeredAt > forgetMs && !this.#silent.has(other)) this.#known.delete(other);
    }
    this.#known.set(id, replica);
  }

  /** Asks a replica whether it is there, again and again until that is clear. */
  #ask(id: string): void {
    if (this.#probed.has(id)) return;
    this.#probed.add(id);
    const askedAt = performance.now();
    const isSilent = (): boolean => (this.#known.get(id)?.answeredAt ?? askedAt) < askedAt;
    const late = (): void => {
      if (!isSilent()) return;
      this.#lostAt = performance.now();
      this.#silent.add(id);
    };
    this.#probe(id, probeMs, { afterMs: probeLateMs, call: late }, (failure) => {
      this.#probed.delete(id);
      if (failure === null) this.#sendAgain(id);
      else if (failure !== 'timeout') this.gone(id);
      else if (isSilent()) this.#ask(id);
    });
  }

  /** A replica answers in order: what it had got before it was asked whether it is there, it has answered, or works on. */
  #sendAgain(id: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { send } of waiting) send(id);
  }
}

function oneOf(ids: string[]): string | undefined {
  return ids[Math.floor(Math.random() * ids.length)];
}
