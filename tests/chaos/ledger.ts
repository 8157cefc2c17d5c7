/** What the load records: the outcomes of its operations, and findings. */

import type { Result } from './client.ts';
import type { Random } from './random.ts';

/** The possible states of something that only this part of the load writes. */
export class Register<S> {
  possible: S[];

  constructor(state: S) {
    this.possible = [state];
  }

  /** Whether the state is known. If not, the load leaves it alone, because a lost operation may still be executed. */
  get sure(): boolean {
    return this.possible.length === 1;
  }

  get state(): S {
    return this.possible[0] as S;
  }

  /** Updates the states after an operation that leads to `next`. */
  write({ outcome }: Pick<Result, 'outcome'>, next: S): void {
    if (outcome === 'acknowledged') this.possible = [next];
    if (outcome === 'unknown') this.possible = [this.state, next];
  }
}

/** Counts and findings of a run. */
export class Ledger {
  readonly counts = new Map<string, Map<string, number>>();
  readonly findings: string[] = [];

  count(operation: string, outcome: string): void {
    const row = this.counts.get(operation) ?? new Map<string, number>();
    this.counts.set(operation, row.set(outcome, (row.get(outcome) ?? 0) + 1));
  }

  found(what: string): void {
    this.findings.push(what);
  }

  total(outcome: string): number {
    return [...this.counts.values()].reduce((sum, row) => sum + (row.get(outcome) ?? 0), 0);
  }
}

/** A process that answers requests. */
export interface Answering {
  name: string;
  url: string;
}

/** The processes that requests are sent to. */
export interface Entrances {
  /** Site of the requests. */
  site: string;
  gateway: Answering;
  /** Returns all processes of a service. */
  replicas(service: string): Answering[];
}

/** The tools of each part of the load. */
export interface Desk<S extends Entrances = Entrances> {
  system: S;
  ledger: Ledger;
  random: Random;
  /** Number of the worker, which has its own users, movies and tickets. */
  worker: number;
}

/** Changes the system one step at a time, and checks at the end that its acknowledged changes are there. */
export interface Actor {
  step(): Promise<void>;
  check(replicas: Answers): Promise<void>;
}

/** Answers of every replica after the run, by service. */
export interface Answers {
  movies: ReplicaAnswers<{ movieId: number; title: string; year: number | null; revision: number }>[];
  likes: ReplicaAnswers<{ movieId: number; likes: number }>[];
  reminders: ReplicaAnswers<{ userId: string; movieId: number; remindAt: string | null; due: boolean }>[];
  watched: ReplicaAnswers<{ userId: string; movieId: number }>[];
  orders: ReplicaAnswers<{ ticketId: string; orderId: string; message: string; state: string }>[];
  /** Returns all processes of a service, at all sites. */
  replicas(service: string): Answering[];
  /** Counts the messages of a stream by subject. */
  subjects(stream: string): Promise<Record<string, number>>;
}

export interface ReplicaAnswers<T> {
  member: Answering;
  items: T[];
}

/** Returns the URL for an operation: mostly the gateway's, sometimes that of a replica of the service. */
export function entrance({ system, random }: Desk, service: string): { url: string; direct: boolean } {
  const direct = random.chance(0.3);
  return { url: direct ? random.pick(system.replicas(service)).url : system.gateway.url, direct };
}
