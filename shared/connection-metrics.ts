/** What is known of a service's connection and view, as metrics that are read when they are asked for. */
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { Reading, Registry } from './observe/prometheus.ts';
import type { View } from './views/view.ts';

interface Parts {
  name: string;
  connection: Connection;
  view?: View<unknown> | undefined;
}

/** Adds the state of the connection, of the view and of the dead letters. */
export function addConnectionMetrics(registry: Registry, { name, connection, view }: Parts): void {
  registry.read('marquee_broker_connected', 'Whether the broker is connected: 1 or 0', 'gauge', () => [
    { value: connection.connected ? 1 : 0 },
  ]);
  registry.read('marquee_broker_reconnects_total', 'Connections to the broker that were made again', 'counter', () => [
    { value: connection.reconnects },
  ]);
  registry.read(
    'marquee_deadletters_waiting',
    'Messages of this service in DEADLETTERS that nobody has closed, at all sites and replicas',
    'gauge',
    async () => [{ value: (await countDeadLetters(connection, name)) ?? Number.NaN }],
  );
  const perStream = (field: 'sequence' | 'lag' | 'lagSeconds') => (): Reading[] =>
    (view?.status() ?? []).map(({ stream, [field]: value }) => ({
      value,
      labels: { messaging_destination_name: stream },
    }));
  registry.read('marquee_view_lag_events', 'Events stored but not yet in the view', 'gauge', perStream('lag'));
  registry.read(
    'marquee_view_lag_seconds',
    'Age of the last event in the view while others wait behind it; 0 when none do',
    'gauge',
    perStream('lagSeconds'),
  );
  registry.read('marquee_view_sequence', 'Stream sequence that the view has reached', 'gauge', perStream('sequence'));
  registry.read('marquee_view_caught_up', 'Whether the view has caught up with its streams: 1 or 0', 'gauge', () =>
    view ? [{ value: view.caughtUp ? 1 : 0 }] : [],
  );
  registry.read('marquee_view_rebuilds_total', 'Times that the view was built again from its streams', 'counter', () =>
    view ? [{ value: view.rebuilds }] : [],
  );
}
