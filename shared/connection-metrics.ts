/** What is known of a service's connection and view, as metrics that are read when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BrokerClock } from './broker/broker-clock.ts';
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { WriteHealth } from './broker/write-health.ts';
import { addMetric, type ReadMetric } from './observe/metrics.ts';
import { now } from './process/clock.ts';
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
  ['lag_events', 'Events stored but not yet in the view', 'lag'],
  ['lag_seconds', 'Age of the last event in the view while others wait behind it; 0 when none do', 'lagSeconds'],
  ['sequence', 'Stream sequence that the view has reached', 'sequence'],
] as const;

/** Adds the state of the connection, of the view and of the dead letters. */
export function addConnectionMetrics(registry: Registry, { name, connection, clock, view, writes }: Observed): void {
  const gauge = (name: string, help: string, read: ReadMetric) =>
    addMetric(registry, Gauge, `marquee_${name}`, help, read);
  const counter = (name: string, help: string, read: ReadMetric) =>
    addMetric(registry, Counter, `marquee_${name}_total`, help, read);
  const waiting = 'Messages of this service in DEADLETTERS that nobody has closed, at all sites and replicas';
  const ahead = "How far this machine's clock is ahead of the broker's; negative where it is behind";
  const missing = 'Whether none fits though there should be one, or the last could not be made: 1 or 0';
  const snapshot = () => view?.state.snapshot;
  gauge('broker_connected', 'Whether the broker is connected: 1 or 0', () => connection.connected);
  counter('broker_reconnects', 'Connections to the broker that were made again', () => connection.reconnects);
  gauge('clock_ahead_seconds', ahead, () => (clock.aheadMs === null ? null : clock.aheadMs / 1000));
  gauge(
    'writes_failing',
    'Streams whose last write by this replica the broker did not store',
    () => writes?.failing.length,
  );
  gauge('deadletters_waiting', waiting, () => countDeadLetters(connection, name));
  gauge('view_caught_up', 'Whether the view has caught up with its streams: 1 or 0', () => view?.caughtUp);
  counter('view_rebuilds', 'Times that the view was built again from its streams', () => view?.state.rebuilds);
  gauge('view_snapshot_age_seconds', 'Age of the newest snapshot that fits the view', () => {
    const madeAt = snapshot()?.madeAt;
    return madeAt && Math.max(0, now() - madeAt) / 1000;
  });
  gauge('view_snapshot_bytes', 'Its size, compressed', () => snapshot()?.bytes);
  gauge('view_snapshot_behind_events', 'Events in the view that are not in it', () => snapshot()?.behind);
  gauge('view_snapshot_missing', missing, () => snapshot() && snapshot()?.problem !== undefined);
  for (const [name, help, field] of ofStreams) {
    new Gauge({
      name: `marquee_view_${name}`,
      help,
      labelNames: ['messaging_destination_name'],
      registers: [registry],
      collect() {
        for (const { stream, [field]: value } of view?.status() ?? []) this.labels(stream).set(value);
      },
    });
  }
}
