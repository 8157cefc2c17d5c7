/** /healthz: the process answers. /readyz: it has been connected and up to date, and can answer. /metrics: Prometheus. */
import type { Hono } from 'hono';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BrokerClock } from './broker/broker-clock.ts';
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { WriteHealth } from './broker/write-health.ts';
import { addMetric, type ReadMetric } from './observe/metrics.ts';
import type { Identity } from './operations/access.ts';
import { now } from './process/clock.ts';
import type { View } from './views/view.ts';
import type { SnapshotState } from './views/view-thread.ts';

interface HealthOptions {
  name: string;
  connection: Connection;
  clock: BrokerClock;
  /** The gateway has none, and the metrics of a view without a value. */
  view?: View<unknown> | undefined;
  writes?: WriteHealth | undefined;
  app: Hono;
  /** What gets the numbers and the details: the same app, or one at a port that only operators reach. */
  operators: Hono;
  identity: Identity;
  /** What an operator has to decide, in a sentence each. */
  problems(): string[] | Promise<string[]>;
  /** What else is told of it. */
  details?: (() => Promise<object>) | undefined;
  /** `begun`: it was connected, registered and up to date once. */
  state: { begun: boolean; stopping: boolean };
}

/**
 * Adds the three routes. `/readyz` is 503 until the service should get requests. It still should while the broker is
 * away or stores nothing, or has lost a stream: queries are answered, and commands say themselves that it is so. That is
 * `degraded`.
 */
export function addHealth(options: HealthOptions): void {
  const { app, operators, name, connection } = options;
  const { metrics } = connection.telemetry;
  const { registry } = metrics;
  const degraded = 'Whether something is wrong that an operator has to see to, as /readyz says: 1 or 0';
  addConnectionMetrics(registry, options);
  addMetric(registry, Gauge, 'marquee_ready', 'Whether requests should come here: 1 or 0', () => isReady(options));
  addMetric(registry, Gauge, 'marquee_degraded', degraded, async () => isDegraded(options, await options.problems()));
  operators.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'Content-Type': registry.contentType }));
  for (const one of new Set([app, operators])) {
    one.get('/healthz', (c) => c.json({ status: 'ok', service: name }));
    one.get('/readyz', async (c) => {
      const details = one === operators ? await detailsOf(options) : {};
      const ready = isReady(options);
      const body = { status: ready ? 'ready' : 'not_ready', service: name, ...details };
      return c.json(body, ready ? 200 : 503, ready ? {} : { 'Retry-After': '1' });
    });
  }
}

function isReady({ connection, view, state }: HealthOptions): boolean {
  // A service that may not listen cannot be asked.
  const deaf = refusedOf({ connection, view }).some((what) => what.startsWith('subscription'));
  // Nor does a view catch up with a stream that was lost: it answers from what it has.
  const follows = connection.connected && (view?.problems ?? []).length === 0;
  const answers = (follows ? view?.caughtUp : view?.canAnswer) ?? true;
  return state.begun && answers && !deaf && !state.stopping;
}

function isDegraded({ connection, writes, state }: HealthOptions, problems: string[]): boolean {
  const well = connection.connected && (writes?.failing ?? []).length === 0 && problems.length === 0;
  return state.begun && !well;
}

function refusedOf({ connection, view }: Pick<HealthOptions, 'connection' | 'view'>): string[] {
  return [...new Set([...connection.refusals.all, ...(view?.state.refused ?? [])])];
}

async function detailsOf(options: HealthOptions) {
  const { name, connection, clock, identity, view, writes, state } = options;
  const some = <T>(list: T[] = []): T[] | undefined => (list.length > 0 ? list : undefined);
  const [problems, more, deadLetters] = await Promise.all([
    options.problems(),
    options.details?.(),
    countDeadLetters(connection, name),
  ]);
  // What is undefined is left out.
  return {
    degraded: isDegraded(options, problems),
    stopping: state.stopping,
    broker: connection.connected ? 'connected' : 'disconnected',
    refused: some(refusedOf(options)),
    writesFail: some(writes?.failing),
    clock: clock.warning,
    access: identity.warning,
    problems: some(problems),
    caughtUp: view?.caughtUp ?? true,
    finishing: view?.state.finishing,
    streams: view?.status() ?? [],
    snapshot: view?.state.snapshot && shown(view.state.snapshot),
    deadLetters,
    ...more,
  };
}

function shown({ madeAt, ...snapshot }: SnapshotState) {
  return { madeAt: madeAt === undefined ? undefined : new Date(madeAt).toISOString(), ...snapshot };
}

const ofStreams = [
  ['lag_events', 'Events stored but not yet in the view', 'lag'],
  ['lag_seconds', 'Age of the last event in the view while others wait behind it; 0 when none do', 'lagSeconds'],
  ['sequence', 'Stream sequence that the view has reached', 'sequence'],
] as const;

function addConnectionMetrics(registry: Registry, { name, connection, clock, view, writes }: HealthOptions): void {
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
  const stream = 'messaging_destination_name';
  for (const [name, help, field] of ofStreams) {
    const read = () => (view?.status() ?? []).map((one) => ({ labels: { [stream]: one.stream }, value: one[field] }));
    addMetric(registry, Gauge, `marquee_view_${name}`, help, read, stream);
  }
}
