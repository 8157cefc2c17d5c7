import assert from 'node:assert/strict';
import { test } from 'vitest';
import { instantOf, isZone, localOf, presetTime } from './zone.ts';

const iso = (local: string, zone: string): string | undefined => instantOf(local, zone)?.toISOString();

test('converts a local time to an instant in winter and in summer', () => {
  assert.equal(iso('2026-01-15T20:00', 'Europe/Berlin'), '2026-01-15T19:00:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'Europe/Berlin'), '2026-07-15T18:00:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'Asia/Kathmandu'), '2026-07-15T14:15:00.000Z');
  assert.equal(iso('2026-07-15T20:00', 'UTC'), '2026-07-15T20:00:00.000Z');
});

test('moves a time that a clock change skips one hour later, and takes either instant of a repeated time', () => {
  assert.equal(iso('2026-03-29T02:30', 'Europe/Berlin'), '2026-03-29T01:30:00.000Z');
  assert.ok(
    ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'].includes(iso('2026-10-25T02:30', 'Europe/Berlin') ?? ''),
  );
});

test('returns undefined for text that is not a local time', () => {
  for (const text of ['', 'tomorrow', '2026-13-01T20:00', '2026-01-15', '2026-01-15T20:00Z', '2027-02-31T10:00']) {
    assert.equal(instantOf(text, 'UTC'), undefined, text);
  }
});

test('converts a local time to an instant and back', () => {
  for (const zone of ['Pacific/Auckland', 'America/St_Johns', 'UTC']) {
    assert.equal(localOf(instantOf('2026-05-05T05:05', zone) as Date, zone), '2026-05-05T05:05');
  }
});

test('computes the evening of each preset in the zone of the viewer', () => {
  // Already Sunday in Berlin.
  const now = new Date('2026-11-28T23:30:00Z');
  const at = (preset: Parameters<typeof presetTime>[0]) => presetTime(preset, 'Europe/Berlin', now)?.toISOString();
  assert.equal(at('tonight'), '2026-11-29T19:00:00.000Z');
  assert.equal(at('tomorrow'), '2026-11-30T19:00:00.000Z');
  assert.equal(at('weekend'), '2026-12-05T19:00:00.000Z');
  assert.equal(at('week'), '2026-12-06T19:00:00.000Z');
  assert.equal(presetTime('tonight', 'UTC', new Date('2026-11-28T21:00:00Z')), undefined, 'it is past 20:00');
});

test('accepts only existing time zones', () => {
  assert.ok(isZone('Europe/Berlin'));
  assert.ok(!isZone('Europe/Nowhere'));
  assert.ok(!isZone('"><script>'));
});

test('rejects an unknown zone again after other zones were cached', () => {
  for (const name of ['Nowhere/Atlantis', 'Europe/Berlin', 'Nowhere/Atlantis', 'europe/berlin', 'Europe/Berlin']) {
    assert.equal(isZone(name), !name.startsWith('Nowhere'), name);
  }
});

test('converts times correctly after the formatter cache was emptied', () => {
  const before = localOf(new Date('2026-07-01T12:00Z'), 'Asia/Tokyo');
  // Each spelling is a cache key of its own.
  const letters = 'america/argentina';
  for (let spelling = 0; spelling < 1100; spelling++) {
    const spelt = [...letters].map((letter, i) => (spelling & (1 << i) ? letter.toUpperCase() : letter)).join('');
    assert.equal(isZone(`${spelt}/ushuaia`), true);
  }
  assert.equal(localOf(new Date('2026-07-01T12:00Z'), 'Asia/Tokyo'), before);
});
