import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Registry } from './prometheus.ts';

test('counters and gauges are lines with their labels, with what is known only later', async () => {
  const registry = new Registry();
  const votes = registry.counter('votes_total', 'Votes');
  votes.with({ movie: 'a"b\\c\nd' }).add();
  votes.with({ movie: 'a"b\\c\nd' }).add(2);
  registry.read('lag_events', 'Lag', 'gauge', async () => [
    { value: 3, labels: { stream: 'VOTES' } },
    { value: Number.NaN },
  ]);
  assert.equal(
    await registry.text(),
    [
      '# HELP votes_total Votes',
      '# TYPE votes_total counter',
      'votes_total{movie="a\\"b\\\\c\\nd"} 3',
      '# HELP lag_events Lag',
      '# TYPE lag_events gauge',
      'lag_events{stream="VOTES"} 3',
      '',
    ].join('\n'),
  );
});

test('a histogram counts up to each bound, the bound included', async () => {
  const registry = new Registry();
  const seconds = registry.histogram('work_seconds', 'Work', [0.5, 1]).with({});
  for (const value of [0.25, 0.5, 0.75, 8]) seconds.observe(value);
  assert.equal(
    await registry.text(),
    [
      '# HELP work_seconds Work',
      '# TYPE work_seconds histogram',
      'work_seconds_bucket{le="0.5"} 2',
      'work_seconds_bucket{le="1"} 3',
      'work_seconds_bucket{le="+Inf"} 4',
      'work_seconds_sum 9.5',
      'work_seconds_count 4',
      '',
    ].join('\n'),
  );
});

test('a metric is declared once', () => {
  const registry = new Registry();
  registry.counter('votes_total', 'Votes');
  assert.throws(() => registry.counter('votes_total', 'Votes'), /two metrics votes_total/);
});
