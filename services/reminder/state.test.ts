import assert from 'node:assert/strict';
import { test } from 'vitest';
import { randomOf } from '../movies/testing.ts';
import { becameDue, type Change, merge, next, type SiteState } from './state.ts';

/** An event of a site: a change of the list, or (with `due`) that the reminder for a time is due. */
type Arrival = Change & { due?: number };

type Random = ReturnType<typeof randomOf>;

/** Applies arrivals in order. */
function fold(arrivals: Arrival[]): SiteState[] {
  const states = new Map<string, SiteState>();
  for (const { due, ...change } of arrivals) {
    const before = states.get(change.site);
    if (due === undefined) states.set(change.site, next(before, change));
    else if (before) states.set(change.site, becameDue(before, due, change.time));
  }
  return [...states.values()];
}

const set = (site: string, time: number, remindAt: number | null = null): Arrival => ({
  site,
  time,
  listed: true,
  remindAt,
});
const clear = (site: string, time: number): Arrival => ({ site, time, listed: false, remindAt: null });
const due = (site: string, time: number, remindAt: number): Arrival => ({ ...set(site, time), due: remindAt });

/** Returns the entry that the list shows after arrivals. */
function shown(arrivals: Arrival[]) {
  const entry = merge(fold(arrivals));
  if (!entry) return null;
  const { site, addedAt, remindAt, dueAt } = entry;
  return { site, addedAt, remindAt, dueAt };
}

test('keeps the first time when a movie is added twice', () => {
  const expected = { site: 'hub', addedAt: 10, remindAt: 99, dueAt: null };
  assert.deepEqual(shown([set('hub', 10), set('hub', 20, 99)]), expected);
  assert.deepEqual(shown([set('hub', 10), set('edge', 15), set('hub', 20, 99)]), expected);
});

test('uses the new time when a movie is added again after its removal', () => {
  const expected = { site: 'hub', addedAt: 30, remindAt: null, dueAt: null };
  assert.deepEqual(shown([set('hub', 10), clear('hub', 20), set('hub', 30)]), expected);
  assert.deepEqual(shown([set('edge', 10), clear('hub', 20), set('hub', 30)]), expected);
});

test('prefers the later time across sites, and the stream order within a site', () => {
  assert.equal(shown([set('edge', 10), clear('hub', 20)]), null);
  assert.equal(shown([clear('hub', 20), set('edge', 10)]), null);
  assert.equal(shown([set('hub', 20), clear('hub', 19)]), null);
  assert.equal(shown([clear('a', 10), set('b', 10)])?.site, 'b');
  assert.equal(shown([set('a', 10), clear('b', 10)]), null);
});

test('makes a reminder due only while it is set for that time', () => {
  assert.equal(shown([set('hub', 10, 50), due('hub', 50, 50)])?.dueAt, 50);
  assert.equal(shown([set('hub', 10, 50), due('hub', 50, 50), set('hub', 60, 50)])?.dueAt, 50);
  assert.equal(shown([set('hub', 10, 50), set('hub', 20, 70), due('hub', 50, 50)])?.dueAt, null);
  assert.equal(shown([set('hub', 10, 50), clear('hub', 20), due('hub', 50, 50)]), null);
  assert.equal(shown([set('hub', 10, 50), due('hub', 50, 50), set('hub', 60, 70)])?.dueAt, null);
});

test('gives the same result for every interleaving of the sites', () => {
  const random = randomOf(1);
  for (let round = 0; round < 2000; round++) {
    const sites = ['edge-a', 'edge-b', 'hub'].map((site) => history(site, 1 + random.int(6), random));
    const first = shown(interleaved(sites, random));
    for (let order = 0; order < 5; order++) {
      const other = interleaved(sites, random);
      assert.deepEqual(shown(other), first, JSON.stringify(other));
    }
  }
});

/**
 * Makes random arrivals of one site. Times mostly grow, in a small range, so that times of different sites are often
 * equal.
 */
function history(site: string, length: number, random: Random): Arrival[] {
  let time = 0;
  return Array.from({ length }, () => {
    time = Math.max(0, time + random.int(5) - 1);
    const remindAt = random.pick([null, 50, 60]);
    const kind = random.int(4);
    if (kind === 0) return clear(site, time);
    return kind === 1 ? due(site, time, 50) : set(site, time, remindAt);
  });
}

function interleaved(histories: Arrival[][], random: Random): Arrival[] {
  const rest = histories.map((arrivals) => [...arrivals]);
  const result: Arrival[] = [];
  for (let open = rest; open.length > 0; open = open.filter((arrivals) => arrivals.length > 0)) {
    const arrival = random.pick(open).shift();
    if (arrival) result.push(arrival);
  }
  return result;
}
