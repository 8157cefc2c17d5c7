import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { StoredEvent } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { decideCancel, decideOpen, newTicketId } from '../support/commands.ts';
import { decideAcknowledge, decideAssign, decideResolve, orderIdOf } from '../technical-support/commands.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { orderStates, type TicketFact, type TicketState, ticketFacts, ticketStates, transition } from './states.ts';
import { type StoredFact, ticketOf, withEvent } from './ticket.ts';

/** All that may happen; everything else is refused. */
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

const ways: Record<TicketState, TicketFact[]> = {
  open: ['opened'],
  acknowledged: ['opened', 'acknowledged'],
  assigned: ['opened', 'acknowledged', 'assigned'],
  resolved: ['opened', 'acknowledged', 'resolved'],
  cancelled: ['opened', 'cancelled'],
};

const known = (events: StoredEvent[]): StoredFact[] =>
  events.reduce<StoredFact[]>((facts, one) => withEvent(facts, one) ?? facts, []);

/** A ticket in a state, made by the shortest way there, and what happened to it then. */
function ticketIn(state: TicketState | undefined, ...more: TicketFact[]): Ticket | undefined {
  const facts = [...(state ? ways[state] : []), ...more];
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
      // What does not fit changes nothing, and is not lost.
      if (!next && state) assert.deepEqual(without(ticketIn(state, fact)), [ticketIn(state), [fact]]);
    });
  }
}

function without(ticket: Ticket | undefined): [unknown, TicketFact[]] {
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

  test(`taking a ticket in state ${state ?? 'none'}`, () => {
    const taken = { fact: 'acknowledged', data: { orderId: orderIdOf('t1') } };
    assert.deepEqual(decideAcknowledge(known), state === 'open' ? taken : null);
  });
}

test('a ticket that is there is opened again with the same message only', () => {
  for (const state of ticketStates) {
    const other = () => decideOpen(ticketIn(state), '1', 'another');
    assert.throws(other, { code: 'idempotency_key_reused', status: 422 });
  }
});

test('an order that is this agent already is left alone', () => {
  assert.equal(decideAssign(ticketIn('assigned'), 'robin'), null);
});

test('another viewer cannot cancel a ticket, and is not told that it exists', () => {
  assert.throws(() => decideCancel(ticketIn('open'), '2'), refusal('not_found', 'There is no such ticket.'));
});

test('a ticket keeps what its events said', () => {
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

test('an event that is in the ticket already changes nothing', () => {
  const facts = known([event('opened', 1), event('acknowledged', 2)]);
  for (const fact of ticketFacts) assert.equal(withEvent(facts, event(fact, 2)), undefined);
});

test('an id that no path can name is refused', () => {
  assert.throws(() => withEvent([], event('opened', 1, 'a$b')), AppError);
});

/** Every order in which streams may be heard that keeps the order of each. */
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

test('a ticket that is cancelled at one site and resolved at another is the same at all, in whatever order they hear', () => {
  const edge = [at('edge1', 'opened', 7, 0), at('edge1', 'acknowledged', 8, 1), at('edge1', 'cancelled', 9, 30)];
  for (const [minutes, state, late] of [
    [20, 'resolved', 'cancelled'],
    [40, 'cancelled', 'resolved'],
  ] as const) {
    const hub = [at('hub', 'assigned', 3, 10), at('hub', 'resolved', 4, minutes)];
    const outcomes = interleavings([edge, hub]).map((heard) => ticketOf('t1', known(heard)));
    assert.equal(outcomes.length, 10);
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
    assert.deepEqual([outcomes[0]?.state, outcomes[0]?.history?.map(({ fact }) => fact)], [state, [late]]);
  }
});

test('the order within a site is that of its stream, whatever the clocks of its machines say', () => {
  const edge = [at('edge1', 'opened', 7, 0), at('edge1', 'acknowledged', 8, -60), at('edge1', 'resolved', 9, -59)];
  const hub = [at('hub', 'cancelled', 4, 1)];
  const outcomes = interleavings([edge, hub]).map((heard) => ticketOf('t1', known(heard)));
  for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  assert.equal(outcomes[0]?.state, 'resolved');
  assert.deepEqual(outcomes[0]?.history, [
    { fact: 'cancelled', site: 'hub', at: new Date(noon + 60_000).toISOString() },
  ]);
});

test('what is said of a ticket before a site has heard that it was opened waits for that', () => {
  const [early, opened] = [at('hub', 'acknowledged', 3, -hour / 60_000), at('edge1', 'opened', 7, 0)];
  assert.equal(ticketOf('t1', known([early])), undefined);
  assert.deepEqual(ticketOf('t1', known([early, opened])), ticketOf('t1', known([opened, early])));
  assert.equal(ticketOf('t1', known([early, opened]))?.state, 'acknowledged');
});

test('orders have every state but that of a ticket without one', () => {
  assert.deepEqual(
    orderStates,
    ticketStates.filter((state) => state !== 'open'),
  );
});

test('ids fit a subject token; new ones differ, the same viewer and key give the same', () => {
  const ids = [newTicketId('1', undefined), newTicketId('1', undefined), newTicketId('1', 'k'), newTicketId('2', 'k')];
  assert.equal(new Set(ids).size, 4);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/);
  assert.equal(newTicketId('1', 'k'), newTicketId('1', 'k'));
  assert.notEqual(newTicketId('1', '2k'), newTicketId('12', 'k'));
});
