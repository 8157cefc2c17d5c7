import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { decideCancel, decideOpen, newTicketId } from '../support/commands.ts';
import { decideAcknowledge, decideAssign, decideResolve, orderIdOf } from '../technical-support/commands.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { orderStates, type TicketFact, type TicketState, ticketFacts, ticketStates, transition } from './states.ts';
import { type StoredFact, ticketOf, withEvent } from './ticket.ts';

/** All allowed transitions: state, fact, next state. */
const allowed: [TicketState | undefined, TicketFact, TicketState][] = [
  [undefined, 'opened', 'open'],
  ['open', 'acknowledged', 'acknowledged'],
  ['open', 'cancelled', 'cancelled'],
  ['acknowledged', 'assigned', 'assigned'],
  ['acknowledged', 'resolved', 'resolved'],
  ['acknowledged', 'cancelled', 'cancelled'],
  ['assigned', 'assigned', 'assigned'],
  ['assigned', 'resolved', 'resolved'],
  ['assigned', 'cancelled', 'cancelled'],
];
const states = [undefined, ...ticketStates];
const after = (state: TicketState | undefined, fact: TicketFact): TicketState | undefined =>
  allowed.find(([from, what]) => from === state && what === fact)?.[2];

const payloads: Record<TicketFact, unknown> = {
  opened: { userId: '1', message: 'help' },
  acknowledged: { orderId: 'o1' },
  assigned: { assignee: 'robin' },
  resolved: { resolution: 'done' },
  cancelled: {},
};

function event(fact: TicketFact, sequence: number, ticketId = 't1'): StoredEvent {
  const data = payloads[fact];
  const time = Date.UTC(2030, 0, sequence);
  const tokens = { site: 'hub', ticketId };
  const subject = `support.hub.${ticketId}.${fact}`;
  return { type: ticketEvents[fact].type, data, tokens, subject, site: 'hub', time, sequence };
}

const paths: Record<TicketState, TicketFact[]> = {
  open: ['opened'],
  acknowledged: ['opened', 'acknowledged'],
  assigned: ['opened', 'acknowledged', 'assigned'],
  resolved: ['opened', 'acknowledged', 'resolved'],
  cancelled: ['opened', 'cancelled'],
};

const known = (events: StoredEvent[]): StoredFact[] =>
  events.reduce<StoredFact[]>((facts, one) => withEvent(facts, one), []);

/** Makes a ticket in a state by the shortest path, and then applies more facts. */
function ticketIn(state: TicketState | undefined, ...more: TicketFact[]): Ticket | undefined {
  const facts = [...(state ? paths[state] : []), ...more];
  return ticketOf('t1', known(facts.map((fact, index) => event(fact, index + 1))));
}

const refusal = (code: string, reason: string | undefined) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.message === reason;

for (const state of states) {
  for (const fact of ticketFacts) {
    const next = after(state, fact);
    test(`${fact} in state ${state ?? 'none'} ${next ? `leads to ${next}` : 'is refused'}`, () => {
      const outcome = transition(state, fact);
      assert.equal(outcome.to, next);
      if (next) assert.equal(ticketIn(state, fact)?.state, next);
      else assert.match(outcome.refused ?? '', /^(The|There) .+\.$/);
      // A fact that is not allowed changes nothing but the history.
      if (!next && state) assert.deepEqual(splitHistory(ticketIn(state, fact)), [ticketIn(state), [fact]]);
    });
  }
}

function splitHistory(ticket: Ticket | undefined): [unknown, TicketFact[]] {
  const { history = [], ...rest } = ticket as Ticket;
  return [rest, history.map(({ fact }) => fact)];
}

for (const state of states) {
  const known = ticketIn(state);

  test(`cancel in state ${state ?? 'none'}`, () => {
    const decide = () => decideCancel(known, '1');
    if (!known) assert.throws(decide, refusal('not_found', 'There is no such ticket.'));
    else if (after(state, 'cancelled')) assert.deepEqual(decide(), { fact: 'cancelled', data: {} });
    else assert.throws(decide, refusal('conflict', transition(state, 'cancelled').refused));
  });

  test(`resolve in state ${state ?? 'none'}`, () => {
    const decide = () => decideResolve(known, 'done');
    if (!known) assert.throws(decide, refusal('not_found', 'There is no such ticket.'));
    else if (after(state, 'resolved')) assert.deepEqual(decide(), { fact: 'resolved', data: { resolution: 'done' } });
    else assert.throws(decide, refusal('conflict', transition(state, 'resolved').refused));
  });

  test(`assign in state ${state ?? 'none'}`, () => {
    const decide = () => decideAssign(known, 'kim');
    if (!known) assert.throws(decide, refusal('not_found', 'There is no such ticket.'));
    else if (after(state, 'assigned')) assert.deepEqual(decide(), { fact: 'assigned', data: { assignee: 'kim' } });
    else assert.throws(decide, refusal('conflict', transition(state, 'assigned').refused));
  });

  test(`open in state ${state ?? 'none'}`, () => {
    const opened = { fact: 'opened', data: { userId: '1', message: 'help' } };
    assert.deepEqual(decideOpen(known, '1', 'help'), known ? null : opened);
  });

  test(`create the order in state ${state ?? 'none'}`, () => {
    const created = { fact: 'acknowledged', data: { orderId: orderIdOf('t1') } };
    assert.deepEqual(decideAcknowledge(known), state === 'open' ? created : null);
  });
}

test('refuses to open an existing ticket with another message', () => {
  for (const state of ticketStates) {
    const other = () => decideOpen(ticketIn(state), '1', 'another');
    assert.throws(other, { code: 'idempotency_key_reused', status: 422 });
  }
});

test('changes nothing when an order is already assigned to the agent', () => {
  assert.equal(decideAssign(ticketIn('assigned'), 'robin'), null);
});

test('answers not_found when another viewer cancels a ticket', () => {
  assert.throws(() => decideCancel(ticketIn('open'), '2'), refusal('not_found', 'There is no such ticket.'));
});

test('derives all fields of a ticket from its events', () => {
  assert.deepEqual(ticketIn('assigned', 'resolved'), {
    ticketId: 't1',
    userId: '1',
    message: 'help',
    state: 'resolved',
    orderId: 'o1',
    assignee: 'robin',
    resolution: 'done',
    openedAt: '2030-01-01T00:00:00.000Z',
    updatedAt: '2030-01-04T00:00:00.000Z',
    revision: 4,
  });
});

test('refuses a ticket id that a path cannot contain', () => {
  assert.throws(() => withEvent([], event('opened', 1, 'a$b')), AppError);
});

/** Returns every interleaving of streams. */
function interleavings<T>(streams: T[][]): T[][] {
  const left = streams.filter(({ length }) => length > 0);
  if (left.length === 0) return [[]];
  return left.flatMap((stream) => {
    const rest = left.map((other) => (other === stream ? other.slice(1) : other));
    return interleavings(rest).map((tail) => [stream[0] as T, ...tail]);
  });
}

const hour = 3_600_000;
const noon = Date.UTC(2030, 0, 1, 12);
const at = (home: string, fact: TicketFact, sequence: number, minutes: number): StoredEvent => ({
  ...event(fact, sequence),
  home,
  site: home,
  time: noon + minutes * 60_000,
});

test('derives the same ticket in every interleaving when sites cancel and resolve it', () => {
  const edge = [at('edge1', 'opened', 7, 0), at('edge1', 'acknowledged', 8, 1), at('edge1', 'cancelled', 9, 30)];
  for (const [minutes, state, late] of [
    [20, 'resolved', 'cancelled'],
    [40, 'cancelled', 'resolved'],
  ] as const) {
    const hub = [at('hub', 'assigned', 3, 10), at('hub', 'resolved', 4, minutes)];
    const outcomes = interleavings([edge, hub]).map((events) => ticketOf('t1', known(events)));
    assert.equal(outcomes.length, 10);
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
    assert.deepEqual([outcomes[0]?.state, outcomes[0]?.history?.map(({ fact }) => fact)], [state, [late]]);
  }
});

test('keeps the stream order within a site when its clock runs backwards', () => {
  const edge = [at('edge1', 'opened', 7, 0), at('edge1', 'acknowledged', 8, -60), at('edge1', 'resolved', 9, -59)];
  const hub = [at('hub', 'cancelled', 4, 1)];
  const outcomes = interleavings([edge, hub]).map((events) => ticketOf('t1', known(events)));
  for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  assert.equal(outcomes[0]?.state, 'resolved');
  assert.deepEqual(outcomes[0]?.history, [
    { fact: 'cancelled', site: 'hub', at: new Date(noon + 60_000).toISOString() },
  ]);
});

test('keeps facts that arrive before the ticket is opened', () => {
  const [early, opened] = [at('hub', 'acknowledged', 3, -hour / 60_000), at('edge1', 'opened', 7, 0)];
  assert.equal(ticketOf('t1', known([early])), undefined);
  assert.deepEqual(ticketOf('t1', known([early, opened])), ticketOf('t1', known([opened, early])));
  assert.equal(ticketOf('t1', known([early, opened]))?.state, 'acknowledged');
});

test('gives orders every state except open', () => {
  assert.deepEqual(
    orderStates,
    ticketStates.filter((state) => state !== 'open'),
  );
});

test('makes ids that fit a subject token, and the same id for the same viewer and key', () => {
  const ids = [newTicketId('1', undefined), newTicketId('1', undefined), newTicketId('1', 'k'), newTicketId('2', 'k')];
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/);
  assert.equal(newTicketId('1', 'k'), newTicketId('1', 'k'));
  assert.notEqual(newTicketId('1', '2k'), newTicketId('12', 'k'));
});
