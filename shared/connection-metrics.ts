/** What is known of a service's connection and view, as metrics that are read when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BrokerClock } from './broker/broker-clock.ts';
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { WriteHealth } from './broker/write-health.ts';
import type { View } from './views/view.ts';

interface Parts {
  name: string;
  connection: Connection;
  clock: BrokerClock;
  view?: View<unknown> | undefined;
  writes?: WriteHealth | undefined;
}

/** Adds the state of the connection, of the view and of the dead letters. */
export function addConnectionMetrics(registry: Registry, { name, connection, clock, view, writes }: Parts): void {
  const registers = [registry];
  new Gauge({
    name: 'marquee_broker_connected',
    help: 'Whether the broker is connected: 1 or 0',
    registers,
    collect() {
      this.set(connection.connected ? 1 : 0);
    },
  });
  new Counter({
    name: 'marquee_broker_reconnects_total',
    help: 'Connections to the broker that were made again',
    registers,
    collect() {
      this.reset();
      this.inc(connection.reconnects);
    },
  });
  new Gauge({
    name: 'marquee_clock_ahead_seconds',
    help: "How far this machine's clock is ahead of the broker's; negative where it is behind",
    registers,
    collect() {
      if (clock.aheadMs === null) this.remove();
      else this.set(clock.aheadMs / 1000);
    },
  });
  new Gauge({
    name: 'marquee_writes_failing',
    help: 'Streams whose last write by this replica the broker did not store',
    registers,
    collect() {
      if (writes) this.set(writes.failing.length);
      else this.remove();
    },
  });
  new Gauge({
    name: 'marquee_deadletters_waiting',
    help: 'Messages of this service in DEADLETTERS that nobody has closed, at all sites and replicas',
    registers,
    async collect() {
      const waiting = await countDeadLetters(connection, name);
      if (waiting === null) this.remove();
      else this.set(waiting);
    },
  });
  addViewMetrics(registers, view);
}

/** The gateway has these too, without a value: it has no view. */
function addViewMetrics(registers: Registry[], view: View<unknown> | undefined): void {
  const perStream = (name: string, help: string, field: 'sequence' | 'lag' | 'lagSeconds'): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['messaging_destination_name'],
      registers,
      collect() {
        for (const { stream, [field]: value } of view?.status() ?? [])
          this.set({ messaging_destination_name: stream }, value);
      },
    });
  perStream('marquee_view_lag_events', 'Events stored but not yet in the view', 'lag');
  perStream(
    'marquee_view_lag_seconds',
    'Age of the last event in the view while others wait behind it; 0 when none do',
    'lagSeconds',
  );
  perStream('marquee_view_sequence', 'Stream sequence that the view has reached', 'sequence');
  new Gauge({
    name: 'marquee_view_caught_up',
    help: 'Whether the view has caught up with its streams: 1 or 0',
    registers,
    collect() {
      if (view) this.set(view.caughtUp ? 1 : 0);
      else this.remove();
    },
  });
  new Counter({
    name: 'marquee_view_rebuilds_total',
    help: 'Times that the view was built again from its streams',
    registers,
    collect() {
      this.reset();
      if (view) this.inc(view.rebuilds);
      else this.remove();
    },
  });
}
