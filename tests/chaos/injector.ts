/** Publishes events directly: with wrong clocks, twice, in the wrong order, and broken. */
import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/nats-core';
import { readingsOf } from '../../deploy/nats/permissions.ts';
import { backingServices } from '../../services/index.ts';
import { batchSubject } from '../../shared/rpc/wire-format.ts';
import type { Desk } from './ledger.ts';
import { type Likes, likedMovies } from './likes.ts';
import type { ChaosSystem } from './system.ts';
import type { Tickets } from './tickets.ts';

/** The streams of each view, by the name in its dead letters. */
const readings = await Promise.all(
  backingServices.map(async (service) => ({ name: service.name, of: await readingsOf(service) })),
);

const vote = 'marquee.vote.given.v1';

export class Injector {
  readonly #desk: Desk<ChaosSystem>;
  readonly #likes: Likes;
  readonly #tickets: Tickets;
  /** `{stream}.{consumer}.{sequence}` of every expected dead letter. */
  readonly deadLetters = new Set<string>();
  #next = 0;

  constructor(desk: Desk<ChaosSystem>, likes: Likes, tickets: Tickets) {
    this.#desk = desk;
    this.#likes = likes;
    this.#tickets = tickets;
  }

  /** Publishes events with clocks years off. Within a site the order decides, across sites the bounded time. */
  async skewed(): Promise<void> {
    const ahead = this.#likes.add(`skew-${this.#next++}`);
    await this.#vote('hub', ahead, true, '2099-01-01T00:00:00.000Z');
    await this.#vote('hub', ahead, false);
    const behind = this.#likes.add(`skew-${this.#next++}`);
    await this.#vote('hub', behind, true);
    await this.#vote('edge1', behind, false, '2001-01-01T00:00:00.000Z');
    const bounded = this.#likes.add(`skew-${this.#next++}`);
    await this.#vote('edge1', bounded, false, '2099-01-01T00:00:00.000Z');
    await this.#vote('hub', bounded, true);
    ahead.liked.possible = [false];
    behind.liked.possible = [true];
    bounded.liked.possible = [true];
  }

  /** Publishes the same event again, with the same id and with another. */
  async duplicates(): Promise<void> {
    const voter = this.#likes.add(`twice-${this.#next++}`);
    const id = `twice ${voter.voterId}`;
    for (const msgId of [id, id, `${id} again`, `${id} and again`])
      await this.#vote('hub', voter, true, undefined, msgId);
    voter.liked.possible = [true];
  }

  /** Publishes events out of order: a ticket resolved before it is opened, and a vote older than the previous one. */
  async outOfOrder(): Promise<void> {
    const ticketId = `early-${this.#next++}`;
    await this.#publish(`support.hub.${ticketId}.resolved`, '{}', { 'ce-type': 'marquee.ticket.resolved.v1' });
    const ticket = this.#tickets.add();
    ticket.history = ['resolved'];
    const opened = JSON.stringify({ userId: ticket.userId, message: ticket.message });
    await this.#publish(`support.hub.${ticketId}.opened`, opened, {});
    ticket.opened = 'acknowledged';
    const voter = this.#likes.add(`late-${this.#next++}`);
    await this.#vote('hub', voter, true);
    await this.#vote('hub', voter, false, '2020-01-01T00:00:00.000Z');
    voter.liked.possible = [false];
  }

  /** Publishes events that no reader can apply. */
  async broken(): Promise<void> {
    const { random } = this.#desk;
    for (const [stream, subject, wrong] of [
      ['CATALOGUE', `catalogue.hub.movie.${2_000_000 + this.#next++}`, '{"title":7}'],
      ['VOTES', `votes.hub.${random.pick(likedMovies)}`, '{"voterId":"","liked":true}'],
      ['VOTES', 'votes.hub.batch', '[]'],
      ['LIBRARY', `library.hub.broken-${this.#next++}`, '{"kind":"burnt","movieId":1}'],
      ['SUPPORT', `support.hub.broken-${this.#next++}.opened`, '{"userId":"1"}'],
    ] as const) {
      const [data, type] = random.pick([
        [wrong, undefined],
        ['{"cut off', undefined],
        [Uint8Array.of(0xff, 0xfe, 0x00), undefined],
        ['{}', 'marquee.thing.unheard-of.v9'],
      ] as const);
      this.#expectLetters(stream, await this.#publish(subject, data, type ? { 'ce-type': type } : {}));
    }
  }

  /** Sends requests that no service can read. */
  async garbage(): Promise<void> {
    const { system, random } = this.#desk;
    while (!system.connection.connected) await new Promise((resolve) => setTimeout(resolve, 50));
    const subjects = [...backingServices.map(({ name }) => batchSubject(name)), 'reminder.set', 'support.open'];
    for (const subject of subjects) {
      const data = random.pick(['[[1]]', 'not json', '', '{"a":1}', '[[1,"movies.get"]]']);
      system.connection.link.nc.publish(subject, data, random.chance(0.5) ? { reply: '_INBOX.chaos.nobody' } : {});
    }
  }

  #expectLetters(stream: string, sequence: number): void {
    for (const { name, of } of readings) {
      if (of.some((reading) => reading.stream === stream)) this.deadLetters.add(`${stream}.${name}.${sequence}`);
    }
  }

  #vote(
    site: string,
    { movieId, voterId }: { movieId: number; voterId: string },
    liked: boolean,
    time = new Date().toISOString(),
    msgId?: string,
  ): Promise<number> {
    const given = { 'ce-type': vote, 'ce-time': time, ...(msgId ? { 'Nats-Msg-Id': msgId } : {}) };
    return this.#publish(`votes.${site}.${movieId}`, JSON.stringify({ voterId, liked }), given);
  }

  /** Publishes until the broker acknowledges, always with the same id, so that the event is stored once. */
  async #publish(subject: string, data: string | Uint8Array, given: Record<string, string>): Promise<number> {
    const wire = headers();
    wire.set('Nats-Msg-Id', `injected-${this.#next++}`);
    for (const [name, value] of Object.entries(given)) wire.set(name, value);
    for (;;) {
      try {
        const { nc } = this.#desk.system.connection.link;
        return (await jetstream(nc).publish(subject, data, { headers: wire, timeout: 1500 })).seq;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}
