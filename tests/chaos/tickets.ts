/** Viewers who open and cancel tickets, and agents who assign and resolve their orders, sometimes at the same time. */
import { type Result, send, walk } from './client.ts';
import { type Actor, type Answers, type Desk, entrance } from './ledger.ts';

interface Order {
  orderId: string;
  ticketId: string;
}

interface Ticket {
  userId: string;
  message: string;
  opened: Result['outcome'];
  ticketId?: string;
  order?: Order | undefined;
  /** Events that certainly or possibly happened. */
  sure: Set<string>;
  possible: Set<string>;
  /** Events that arrived in a state where they are not allowed. */
  history: string[];
}

export class Tickets implements Actor {
  readonly #desk: Desk;
  readonly #tickets: Ticket[] = [];

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async step(): Promise<void> {
    const { random } = this.#desk;
    const live = this.#tickets.filter(({ ticketId, possible }) => ticketId !== undefined && !ends(possible));
    if (live.length < 3 || random.chance(0.4)) return this.#open();
    const ticket = random.pick(live);
    if (random.chance(0.2)) return this.#change(ticket, 'cancelled');
    ticket.order ??= await this.#findOrder(ticket);
    if (!ticket.order) return;
    if (random.chance(0.4)) return this.#change(ticket, 'assigned');
    if (random.chance(0.6)) return this.#change(ticket, 'resolved');
    // Both at once: exactly one of them wins.
    await Promise.all([this.#change(ticket, 'resolved'), this.#change(ticket, 'cancelled')]);
    if (ticket.sure.has('resolved') && ticket.sure.has('cancelled')) {
      this.#desk.ledger.found(`ticket ${ticket.ticketId} was resolved and cancelled`);
    }
  }

  /** Returns a ticket that is not opened yet; also used for tickets that are published directly. */
  add(): Ticket {
    const { worker } = this.#desk;
    const index = this.#tickets.length;
    const ticket: Ticket = {
      userId: `asker-${worker}-${Math.floor(index / 5)}`,
      message: `help ${worker} ${index}`,
      opened: 'refused',
      sure: new Set(),
      possible: new Set(),
      history: [],
    };
    this.#tickets.push(ticket);
    return ticket;
  }

  async #open(): Promise<void> {
    const { random, ledger } = this.#desk;
    const ticket = this.add();
    const key: Record<string, string> = random.chance(0.5) ? { 'idempotency-key': ticket.message } : {};
    const attempts = 'idempotency-key' in key ? 4 : 1;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const url = `${entrance(this.#desk, 'support').url}/support/${ticket.userId}`;
      const result = await send<{ ticketId: string }>('POST', url, { body: { message: ticket.message }, headers: key });
      ledger.count(attempts > 1 ? 'open with a key' : 'open', result.outcome);
      if (result.outcome === 'acknowledged') ticket.ticketId = result.body.ticketId;
      // A refused retry says nothing about the previous attempt.
      if (result.outcome !== 'refused' || ticket.opened !== 'unknown') ticket.opened = result.outcome;
      if (result.outcome !== 'unknown') break;
    }
  }

  async #findOrder({ userId, ticketId }: Ticket): Promise<Order | undefined> {
    const { url } = entrance(this.#desk, 'technical-support');
    const { body } = await send<{ items?: Order[] }>('GET', `${url}/orders?userId=${userId}`);
    return body.items?.find((order) => order.ticketId === ticketId);
  }

  async #change(ticket: Ticket, fact: 'cancelled' | 'assigned' | 'resolved'): Promise<void> {
    const { ledger, random } = this.#desk;
    const rivals = new Set(ticket.possible);
    ticket.possible.add(fact);
    const { path, body } = requestOf(ticket, fact, `agent-${random.between(1, 3)}`);
    const service = fact === 'cancelled' ? 'support' : 'technical-support';
    const result = await send('POST', `${entrance(this.#desk, service).url}${path}`, { body });
    ledger.count(fact, result.outcome);
    if (result.outcome === 'acknowledged') ticket.sure.add(fact);
    if (result.outcome === 'refused' && !ticket.sure.has(fact) && !rivals.has(fact)) ticket.possible.delete(fact);
    const unexpected = ![0, 503].includes(result.status) && !ends(new Set([...rivals, ...ticket.possible]), fact);
    if (result.outcome === 'refused' && unexpected) {
      const why = `${result.status} ${JSON.stringify(result.body)}`;
      ledger.found(`that ticket ${ticket.ticketId} is ${fact} was refused with ${why}`);
    }
  }

  async check({ orders, subjects, replicas }: Answers): Promise<void> {
    const stored = await subjects('SUPPORT');
    const users = [...new Set(this.#tickets.map(({ userId }) => userId))];
    const lists = await Promise.all(
      replicas('support').map(async ({ name, url }) => ({
        name,
        tickets: (await Promise.all(users.map((userId) => walk<Shown>(`${url}/support/${userId}`)))).flat(),
      })),
    );
    for (const ticket of this.#tickets) this.#checkTicket(ticket, lists, orders, stored);
    const [first, ...others] = lists.map(({ tickets }) => JSON.stringify(tickets));
    if (others.some((other) => other !== first)) this.#desk.ledger.found('replicas of support differ on tickets');
  }

  #checkTicket(
    ticket: Ticket,
    lists: { name: string; tickets: Shown[] }[],
    orders: Answers['orders'],
    stored: Record<string, number>,
  ): void {
    const { ledger } = this.#desk;
    for (const { name, tickets } of lists) {
      const found = tickets.filter(({ message }) => message === ticket.message);
      const fits = { acknowledged: [1], refused: [0], unknown: [0, 1] }[ticket.opened];
      if (!fits.includes(found.length)) {
        ledger.found(`${name} shows ${found.length} tickets "${ticket.message}", which was ${ticket.opened}`);
      }
      const shown = found[0];
      if (!shown) continue;
      if (!stateFits(ticket, shown.state)) {
        const facts = `${[...ticket.sure].join('+')} for certain, ${[...ticket.possible].join('+')} possible`;
        ledger.found(`${name} shows ticket ${shown.ticketId} as ${shown.state}: ${facts}`);
      }
      const history = (shown.history ?? []).map(({ fact }) => fact);
      if (ticket.history.some((fact) => !history.includes(fact))) {
        ledger.found(`${name} shows of ticket ${shown.ticketId} the history ${history}, not ${ticket.history}`);
      }
      const acknowledgements = stored[`support.${this.#desk.system.site}.${shown.ticketId}.acknowledged`] ?? 0;
      const wanted = shown.orderId === null ? 0 : 1;
      if (acknowledgements !== wanted) {
        ledger.found(`ticket ${shown.ticketId} has ${acknowledgements} acknowledgements, and shows ${wanted}`);
      }
      if (wanted === 0 && shown.state !== 'cancelled') ledger.found(`ticket ${shown.ticketId} has no order`);
      for (const { member, items } of orders) {
        const count = items.filter(({ ticketId }) => ticketId === shown.ticketId).length;
        if (count !== wanted) ledger.found(`${member.name} shows ${count} orders of ticket ${shown.ticketId}`);
      }
    }
  }
}

interface Shown {
  ticketId: string;
  message: string;
  state: string;
  orderId: string | null;
  history?: { fact: string }[];
}

function requestOf({ userId, ticketId, order }: Ticket, fact: string, agent: string): { path: string; body: object } {
  if (fact === 'cancelled') return { path: `/support/${userId}/${ticketId}/cancel`, body: {} };
  if (fact === 'assigned') return { path: `/orders/${order?.orderId}/assign`, body: { assignee: agent } };
  return { path: `/orders/${order?.orderId}/resolve`, body: { resolution: 'done' } };
}

/** Returns whether one of the events, other than `but`, closes a ticket. */
function ends(facts: Set<string>, but?: string): boolean {
  return ['resolved', 'cancelled'].some((fact) => fact !== but && facts.has(fact));
}

function stateFits({ sure, possible }: Ticket, state: string): boolean {
  if (sure.has('resolved')) return state === 'resolved';
  if (sure.has('cancelled')) return state === 'cancelled';
  if (state === 'resolved' || state === 'cancelled' || state === 'assigned') return possible.has(state);
  return !sure.has('assigned') && state === 'acknowledged';
}
