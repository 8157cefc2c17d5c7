import assert from 'node:assert/strict';
import { test } from 'vitest';
import { instantOf, isZone, localOf, presetTime } from './zone.ts';

const iso = (local: string, zone: string): string | undefined => instantOf(local, zone)?.toISOString();

test('a local time is an instant, in winter and in summer', () => {
  assert.equal(iso('2026-01-15T20:00', 'Europe/Berlin'), '2026-01-15T19:00:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'Europe/Berlin'), '2026-07-15T18:00:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'Asia/Kathmandu'), '2026-07-15T14:15:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'UTC'), '2026-07-15T20:00:00.000Z');
});

test('a time that the change of clocks skips is an hour later; of one that is there twice it is one of the two', () => {
  assert.equal(iso('2026-03-29T02:30', 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  assert.ok(
    ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'].includes(iso('2026-10-25T02:30', 'Europe/Berlin') ?? ''),
  );
});

test('what is no local time is none', () => {
  for (const text of ['', 'tomorrow', '2026-13-01T20:00', '2026-01-15', '2026-01-15T20:00Z', '2027-02-31T10:00']) {
    assert.equal(instantOf(text, 'UTC'), undefined, text);
  }
});

test('there and back again', () => {
  for (const zone of ['Pacific/Auckland', 'America/St_Johns', 'UTC']) {
    assert.equal(localOf(instantOf('2026-05-05T05:05', zone) as Date, zone), '2026-05-05T05:05');
  }
});

test('buttons name an evening in the zone of the viewer', () => {
  // In Berlin it is Sunday already.
  const now = new Date('2026-11-28T23:30:00Z');
  const at = (preset: Parameters<typeof presetTime>[0]) => presetTime(preset, 'Europe/Berlin', now)?.toISOString();
  assert.equal(at('tonight'), '2026-11-29T19:00:00.000Z');
  assert.equal(at('tomorrow'), '2026-11-30T19:00:00.000Z');
  assert.equal(at('weekend'), '2026-12-05T19:00:00.000Z');
  assert.equal(at('week'), '2026-12-06T19:00:00.000Z');
  assert.equal(presetTime('tonight', 'UTC', new Date('2026-11-28T21:00:00Z')), undefined, 'the evening is over');
});

test('zones are those that there are', () => {
  assert.ok(isZone('Europe/Berlin'));
  assert.ok(!isZone('Europe/Nowhere'));
  assert.ok(!isZone('"><script>'));
});

test('what is no zone is refused again when it comes again', () => {
  for (const name of ['Nowhere/Atlantis', 'Europe/Berlin', 'Nowhere/Atlantis', 'europe/berlin', 'Europe/Berlin']) {
    assert.equal(isZone(name), !name.startsWith('Nowhere'), name);
  }
});

test('more zones than are kept, and a time is as it was', () => {
  const before = localOf(new Date('2026-07-01T12:00Z'), 'Asia/Tokyo');
  // Each spelling is another one.
  const letters = 'america/argentina';
  for (let spelling = 0; spelling < 1100; spelling++) {
    const spelt = [...letters].map((letter, i) => (spelling & (1 << i) ? letter.toUpperCase() : letter)).join('');
    assert.equal(isZone(`${spelt}/ushuaia`), true);
  }
  assert.equal(localOf(new Date('2026-07-01T12:00Z'), 'Asia/Tokyo'), before);
});
