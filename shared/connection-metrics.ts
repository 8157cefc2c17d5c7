/** What is known of a service's connection and view, as metrics that are read when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BrokerClock } from './broker/broker-clock.ts';
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { WriteHealth } from './broker/write-health.ts';
import { addGauge } from './observe/metrics.ts';
import { now } from './process/clock.ts';
import type { SnapshotState } from './views/messages.ts';
import type { View } from './views/view.ts';

/** What can be told of a service. */
export interface Observed {
  name: string;
  connection: Connection;
  clock: BrokerClock;
  /** The gateway has none, and the metrics of a view without a value. */
  view?: View<unknown> | undefined;
  writes?: WriteHealth | undefined;
}

const ofStreams = [
  ['marquee_view_lag_events', 'Events stored but not yet in the view', 'lag'],
  [
    'marquee_view_lag_seconds',
    'Age of the last event in the view while others wait behind it; 0 when none do',
    'lagSeconds',
  ],
  ['marquee_view_sequence', 'Stream sequence that the view has reached', 'sequence'],
] as const;

type OfSnapshot = [name: string, help: string, read: (snapshot: SnapshotState) => number | undefined];

const ofSnapshot: OfSnapshot[] = [
  [
    'marquee_view_snapshot_age_seconds',
    'Age of the newest snapshot that fits the view',
    ({ madeAt }) => (madeAt === undefined ? undefined : Math.max(0, now() - madeAt) / 1000),
  ],
  ['marquee_view_snapshot_bytes', 'Its size, compressed', ({ bytes }) => bytes],
  ['marquee_view_snapshot_behind_events', 'Events in the view that are not in it', ({ behind }) => behind],
  [
    'marquee_view_snapshot_missing',
    'Whether none fits though there should be one, or the last could not be made: 1 or 0',
    ({ problem }) => Number(problem !== undefined),
  ],
];

/** Adds the state of the connection, of the view and of the dead letters. */
export function addConnectionMetrics(registry: Registry, { name, connection, clock, view, writes }: Observed): void {
  const registers = [registry];
  const counter = (name: string, help: string, read: () => number | undefined): Counter =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        const value = read();
        if (value === undefined) this.remove();
        else this.inc(value);
      },
    });
  const waiting = 'Messages of this service in DEADLETTERS that nobody has closed, at all sites and replicas';
  const ahead = "How far this machine's clock is ahead of the broker's; negative where it is behind";
  const failing = 'Streams whose last write by this replica the broker did not store';
  const caughtUp = 'Whether the view has caught up with its streams: 1 or 0';
  const rebuilds = 'Times that the view was built again from its streams';
  addGauge(registry, 'marquee_broker_connected', 'Whether the broker is connected: 1 or 0', () =>
    Number(connection.connected),
  );
  counter(
    'marquee_broker_reconnects_total',
    'Connections to the broker that were made again',
    () => connection.reconnects,
  );
  addGauge(registry, 'marquee_clock_ahead_seconds', ahead, () =>
    clock.aheadMs === null ? null : clock.aheadMs / 1000,
  );
  addGauge(registry, 'marquee_writes_failing', failing, () => writes?.failing.length ?? null);
  addGauge(registry, 'marquee_deadletters_waiting', waiting, () => countDeadLetters(connection, name));
  addGauge(registry, 'marquee_view_caught_up', caughtUp, () => (view ? Number(view.caughtUp) : null));
  counter('marquee_view_rebuilds_total', rebuilds, () => view?.rebuilds);
  for (const [name, help, read] of ofSnapshot) {
    addGauge(registry, name, help, () => (view?.snapshot ? (read(view.snapshot) ?? null) : null));
  }
  for (const [name, help, field] of ofStreams) {
    new Gauge({
      name,
      help,
      labelNames: ['messaging_destination_name'],
      registers,
      collect() {
        for (const { stream, [field]: value } of view?.status() ?? []) this.labels(stream).set(value);
      },
    });
  }
}
