import assert from 'node:assert/strict';
import { test } from 'vitest';
import { type StoredEvent, UnreadableEvent } from '../../shared/broker/event-codec.ts';
import { AppError } from '../../shared/operations/errors.ts';
import { decideCancel, decideOpen, newTicketId } from '../support/commands.ts';
import { decideAcknowledge, decideAssign, decideResolve, orderIdOf } from '../technical-support/commands.ts';
import { type Ticket, ticketEvents } from './contract.ts';
import { orderStates, type TicketFact, type TicketState, ticketFacts, ticketStates, transition } from './states.ts';
import { applyEvent } from './ticket.ts';

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

/** A ticket in a state, made by the shortest way there. */
function ticketIn(state: TicketState): Ticket {
  const ways: Record<TicketState, TicketFact[]> = {
    open: ['opened'],
    acknowledged: ['opened', 'acknowledged'],
    assigned: ['opened', 'acknowledged', 'assigned'],
    resolved: ['opened', 'acknowledged', 'resolved'],
    cancelled: ['opened', 'cancelled'],
  };
  let ticket: Ticket | undefined;
  ways[state].forEach((fact, index) => {
    ticket = applyEvent(ticket, event(fact, index + 1));
  });
  return ticket as Ticket;
}

const refusal = (code: string, reason: string | undefined) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.message === reason;

for (const state of states) {
  for (const fact of ticketFacts) {
    const next = after(state, fact);
    test(`${fact} in state ${state ?? 'none'} ${next ? `leads to ${next}` : 'is refused'}`, () => {
      const known = state && ticketIn(state);
      const outcome = transition(state, fact);
      assert.equal(outcome.to, next);
      if (next) {
        assert.equal(applyEvent(known, event(fact, 10))?.state, next);
      } else {
        assert.match(outcome.refused ?? '', /^(The|There) .+\.$/);
        assert.throws(() => applyEvent(known, event(fact, 10)), new UnreadableEvent(outcome.refused));
      }
    });
  }
}

for (const state of states) {
  const known = state && ticketIn(state);

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
  const resolved = applyEvent(ticketIn('assigned'), event('resolved', 4));
  assert.deepEqual(resolved, {
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

test('an event that is in the ticket already changes nothing, also one that would not fit any more', () => {
  for (const fact of ticketFacts) assert.equal(applyEvent(ticketIn('resolved'), event(fact, 3)), undefined);
});

test('an id that no path can name is refused', () => {
  assert.throws(() => applyEvent(undefined, event('opened', 1, 'a$b')), UnreadableEvent);
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
