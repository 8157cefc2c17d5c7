import assert from 'node:assert/strict';
import { test } from 'vitest';
import { pointsBetween } from './history.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

function sampleAt(seconds: number, ...replicas: { id: string; startedAt: number; requests: number }[]) {
  const entries = replicas.map(({ id, startedAt, requests }) => {
    const started = new Date(start + startedAt * 1000).toISOString();
    const counters = { requests, milliseconds: requests * 2 };
    return [id, { service: 'movies', id, version: '1.0.0', started, state: null, ...counters }] as const;
  });
  return { at: start + seconds * 1000, byReplica: new Map(entries) };
}

test('counts the requests of known and new replicas', () => {
  const before = sampleAt(60, { id: 'a', startedAt: 0, requests: 1000 });
  const now = sampleAt(65, { id: 'a', startedAt: 0, requests: 1100 }, { id: 'b', startedAt: 62, requests: 50 });
  assert.deepEqual(pointsBetween(before, now).get('movies'), { rate: 30, latency: 2 });
});

test('does not count all requests since its start when a replica missed a sample', () => {
  const before = sampleAt(60, { id: 'a', startedAt: 0, requests: 1000 });
  const now = sampleAt(65, { id: 'a', startedAt: 0, requests: 1100 }, { id: 'b', startedAt: 0, requests: 900_000 });
  assert.deepEqual(pointsBetween(before, now).get('movies'), { rate: 20, latency: 2 });
  assert.deepEqual(pointsBetween(before, sampleAt(65)).get('movies'), { rate: 0, latency: null });
});
