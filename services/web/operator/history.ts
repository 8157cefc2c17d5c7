/** Request rates and latencies of the last minutes, sampled while the status page is open. */
import type { Connection } from '../../../shared/broker/connection.ts';
import { type Replica, replicasOf } from './survey.ts';

export interface Point {
  /** Requests per second. */
  rate: number;
  /** Mean duration of a request in milliseconds; null if there were none. */
  latency: number | null;
}

/** The replicas that responded at a time, by id. */
interface Sample {
  at: number;
  byReplica: ReadonlyMap<string, Replica>;
}

const sampleEveryMs = 5000;
const maxPoints = 60;
/** Sampling stops when the page has not been loaded for this long. */
const idleMs = 15 * 60_000;

export class History implements Disposable {
  readonly #connection: Connection;
  readonly #services: readonly string[];
  readonly #points = new Map<string, Point[]>();
  #last: Sample | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watchedAt = 0;

  constructor(connection: Connection, services: readonly string[]) {
    this.#connection = connection;
    this.#services = services;
  }

  /** Returns the points of each service, oldest first, and starts sampling; empty at the first call. */
  watch(): ReadonlyMap<string, readonly Point[]> {
    this.#watchedAt = Date.now();
    this.#timer ??= setInterval(() => void this.#sample(), sampleEveryMs).unref();
    if (!this.#last) void this.#sample();
    return this.#points;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#last = undefined;
    this.#points.clear();
  }

  async #sample(): Promise<void> {
    if (Date.now() - this.#watchedAt > idleMs) return this[Symbol.dispose]();
    let replicas: Replica[];
    try {
      replicas = await replicasOf(this.#connection.link, this.#services);
    } catch {
      // The broker is unavailable: the next sample spans the gap.
      return;
    }
    const now = { at: Date.now(), byReplica: new Map(replicas.map((replica) => [replica.id, replica])) };
    const before = this.#last;
    this.#last = now;
    if (!before) return;
    for (const [service, point] of pointsBetween(before, now)) {
      this.#points.set(service, [...(this.#points.get(service) ?? []), point].slice(-maxPoints));
    }
  }
}

/** Computes the point of each service from two samples in a row. */
export function pointsBetween(before: Sample, now: Sample): Map<string, Point> {
  const seconds = (now.at - before.at) / 1000;
  const services = new Set([...before.byReplica.values(), ...now.byReplica.values()].map(({ service }) => service));
  const pointOf = (service: string): Point => {
    let requests = 0;
    let milliseconds = 0;
    for (const replica of now.byReplica.values()) {
      const earlier = before.byReplica.get(replica.id);
      // A replica that merely missed the last sample would add all requests since its start; a new one starts at zero.
      const isNew = Date.parse(replica.started) >= before.at;
      if (replica.service !== service || !(earlier || isNew)) continue;
      requests += replica.requests - (earlier?.requests ?? 0);
      milliseconds += replica.milliseconds - (earlier?.milliseconds ?? 0);
    }
    return { rate: requests / seconds, latency: requests > 0 ? milliseconds / requests : null };
  };
  return new Map([...services].map((service) => [service, pointOf(service)]));
}
