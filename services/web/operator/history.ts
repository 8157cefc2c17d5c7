/** Rates and latencies of the last minutes, sampled while somebody looks. */
import type { Connection } from '../../../shared/broker/connection.ts';
import { type Replica, replicasOf } from './survey.ts';

export interface Point {
  /** Requests a second. */
  rate: number;
  /** Mean milliseconds of a request; null where there was none. */
  latency: number | null;
}

interface Sample {
  at: number;
  byReplica: Map<string, Replica>;
}

const everyMs = 5000;
const kept = 60;
/** After nobody has looked for so long, sampling stops. */
const patienceMs = 15 * 60_000;

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

  /** The points of each service, oldest first; empty at the first look. */
  watch(): ReadonlyMap<string, readonly Point[]> {
    this.#watchedAt = Date.now();
    this.#timer ??= setInterval(() => void this.#sample(), everyMs).unref();
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
    if (Date.now() - this.#watchedAt > patienceMs) return this[Symbol.dispose]();
    let replicas: Replica[];
    try {
      replicas = await replicasOf(this.#connection.link, this.#services);
    } catch {
      // Without the broker there is nothing to count: the next sample spans the gap.
      return;
    }
    const now = { at: Date.now(), byReplica: new Map(replicas.map((replica) => [replica.id, replica])) };
    const before = this.#last;
    this.#last = now;
    if (before) this.#add(before, now);
  }

  #add(before: Sample, now: Sample): void {
    const seconds = (now.at - before.at) / 1000;
    const services = new Set([...before.byReplica.values(), ...now.byReplica.values()].map(({ service }) => service));
    for (const service of services) {
      let requests = 0;
      let milliseconds = 0;
      for (const replica of now.byReplica.values()) {
        if (replica.service !== service) continue;
        // A replica that was not there before has all that it counts from since then.
        const earlier = before.byReplica.get(replica.id);
        requests += replica.requests - (earlier?.requests ?? 0);
        milliseconds += replica.milliseconds - (earlier?.milliseconds ?? 0);
      }
      const points = this.#points.get(service) ?? [];
      points.push({ rate: requests / seconds, latency: requests > 0 ? milliseconds / requests : null });
      this.#points.set(service, points.slice(-kept));
    }
  }
}
