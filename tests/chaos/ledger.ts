/** What the load knows: how its operations ended, and what is wrong. */

import type { Result } from './client.ts';
import type { Random } from './random.ts';

/** Something that the load writes and that nobody else does: the states that it may be in. */
export class Register<S> {
  possible: S[];

  constructor(state: S) {
    this.possible = [state];
  }

  /** Whether the state is known. What is not is left alone: an operation that was lost may still come. */
  get sure(): boolean {
    return this.possible.length === 1;
  }

  get state(): S {
    return this.possible[0] as S;
  }

  /** After an operation that would lead to `next`. */
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

/** A process that answers. */
export interface Answering {
  name: string;
  url: string;
}

/** Where requests go in. */
export interface Entrances {
  /** The site that they are made at. */
  site: string;
  gateway: Answering;
  /** All processes of a service. */
  replicas(service: string): Answering[];
}

/** What each part of the load works with. */
export interface Desk<S extends Entrances = Entrances> {
  system: S;
  ledger: Ledger;
  random: Random;
  /** Number of the worker: it has its own users, movies and tickets. */
  worker: number;
}

/** Something that changes the system one step at a time, and says at the end whether all is as it was told. */
export interface Actor {
  step(): Promise<void>;
  check(replicas: Answers): Promise<void>;
}

/** What every replica answers at the end, by service. */
export interface Answers {
  movies: ReplicaAnswers<{ movieId: number; title: string; year: number | null; revision: number }>[];
  likes: ReplicaAnswers<{ movieId: number; likes: number }>[];
  reminders: ReplicaAnswers<{ userId: string; movieId: number; remindAt: string | null; due: boolean }>[];
  watched: ReplicaAnswers<{ userId: string; movieId: number }>[];
  orders: ReplicaAnswers<{ ticketId: string; orderId: string; message: string; state: string }>[];
  /** All processes of a service, wherever they are. */
  replicas(service: string): Answering[];
  /** Messages of a stream by subject. */
  subjects(stream: string): Promise<Record<string, number>>;
}

export interface ReplicaAnswers<T> {
  member: Answering;
  items: T[];
}

/** Where an operation goes in: mostly the gateway, sometimes a replica of the service itself. */
export function entrance({ system, random }: Desk, service: string): { url: string; direct: boolean } {
  const direct = random.chance(0.3);
  return { url: direct ? random.pick(system.replicas(service)).url : system.gateway.url, direct };
}
