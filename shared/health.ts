/** Health routes: /healthz (the process responds), /readyz (the service should get requests), /metrics (Prometheus). */
import type { Hono } from 'hono';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { BrokerClock } from './broker/broker-clock.ts';
import type { Connection } from './broker/connection.ts';
import { countDeadLetters } from './broker/dead-letters.ts';
import type { WriteHealth } from './broker/write-health.ts';
import type { Readiness } from './docs/system-paths.ts';
import { addMetric, type ReadMetric } from './observe/metrics.ts';
import type { Identity } from './operations/access.ts';
import { now } from './process/clock.ts';
import type { View } from './views/view.ts';
import type { SnapshotState } from './views/view-client.ts';

interface HealthOptions {
  name: string;
  connection: Connection;
  clock: BrokerClock;
  /** Undefined for the gateway, whose view metrics then have no value. */
  view?: View<unknown> | undefined;
  writes?: WriteHealth | undefined;
  app: Hono;
  /** App that serves metrics and details: the same as `app`, or one at a port that only operators can reach. */
  operators: Hono;
  identity: Identity;
  /** Returns problems that an operator has to solve, a sentence each. */
  problems(): string[] | Promise<string[]>;
  /** Returns more details for /readyz. */
  details?: (() => Promise<object>) | undefined;
  /** `started`: the service has been connected, registered and caught up once. */
  state: { started: boolean; stopping: boolean };
}

/**
 * Adds the three routes and their metrics. `/readyz` is 503 until the service should get requests. It stays ready, but
 * `degraded`, while the broker is disconnected, stores nothing or has lost a stream: queries still work, and commands
 * report the problem themselves.
 */
export function addHealth(options: HealthOptions): void {
  const { app, operators, name, connection } = options;
  const { metrics } = connection.telemetry;
  const { registry } = metrics;
  const ready = 'Whether this replica should get requests: 1 or 0';
  const degraded = 'Whether something needs an operator, as in the details of /readyz: 1 or 0';
  addConnectionMetrics(registry, options);
  addMetric(registry, Gauge, 'marquee_ready', ready, () => isReady(options));
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
  // Without permission to subscribe the service gets no requests over NATS.
  const cannotSubscribe = refusedOf({ connection, view }).some((what) => what.startsWith('subscription'));
  // A view cannot catch up with a lost stream or without the broker: then it only has to be able to answer.
  const follows = connection.connected && (view?.problems ?? []).length === 0;
  const answers = (follows ? view?.caughtUp : view?.canAnswer) ?? true;
  return state.started && answers && !cannotSubscribe && !state.stopping;
}

function isDegraded({ connection, writes, state }: HealthOptions, problems: string[]): boolean {
  const healthy = connection.connected && (writes?.failing ?? []).length === 0 && problems.length === 0;
  return state.started && !healthy;
}

function refusedOf({ connection, view }: Pick<HealthOptions, 'connection' | 'view'>): string[] {
  return [...new Set([...connection.refusals.all, ...(view?.state.refused ?? [])])];
}

async function detailsOf(options: HealthOptions): Promise<Omit<Readiness, 'status' | 'service'>> {
  const { name, connection, clock, identity, view, writes, state } = options;
  const unlessEmpty = <T>(list: T[] = []): T[] | undefined => (list.length > 0 ? list : undefined);
  const [problems, more, deadLetters] = await Promise.all([
    options.problems(),
    options.details?.(),
    countDeadLetters(connection, name),
  ]);
  // JSON leaves out undefined fields.
  return {
    degraded: isDegraded(options, problems),
    stopping: state.stopping,
    broker: connection.connected ? 'connected' : 'disconnected',
    refused: unlessEmpty(refusedOf(options)),
    writesFail: unlessEmpty(writes?.failing),
    clock: clock.warning,
    access: identity.warning,
    problems: unlessEmpty(problems),
    caughtUp: view?.caughtUp ?? true,
    finishing: view?.state.finishing,
    streams: view?.status() ?? [],
    snapshot: view?.state.snapshot && withIsoTime(view.state.snapshot),
    deadLetters,
    ...more,
  };
}

function withIsoTime({ madeAt, ...snapshot }: SnapshotState) {
  return { madeAt: madeAt === undefined ? undefined : new Date(madeAt).toISOString(), ...snapshot };
}

const streamGauges = [
  ['lag_events', 'Events stored but not yet in the view', 'lag'],
  ['lag_seconds', 'Age of the last event in the view while more are waiting; 0 when none are', 'lagSeconds'],
  ['sequence', 'Stream sequence that the view has reached', 'sequence'],
] as const;

function addConnectionMetrics(registry: Registry, { name, connection, clock, view, writes }: HealthOptions): void {
  const gauge = (name: string, help: string, read: ReadMetric) =>
    addMetric(registry, Gauge, `marquee_${name}`, help, read);
  const counter = (name: string, help: string, read: ReadMetric) =>
    addMetric(registry, Counter, `marquee_${name}_total`, help, read);
  const waiting = 'Open messages of this service in DEADLETTERS, of all sites and replicas';
  const ahead = "How far this machine's clock is ahead of the broker's; negative when it is behind";
  const missing = 'Whether no snapshot fits although one should exist, or the last one failed: 1 or 0';
  const snapshot = () => view?.state.snapshot;
  gauge('broker_connected', 'Whether the broker is connected: 1 or 0', () => connection.connected);
  counter('broker_reconnects', 'Reconnections to the broker', () => connection.reconnects);
  gauge('clock_ahead_seconds', ahead, () => (clock.aheadMs === null ? null : clock.aheadMs / 1000));
  gauge('writes_failing', 'Streams to which the last write of this replica failed', () => writes?.failing.length);
  gauge('deadletters_waiting', waiting, () => countDeadLetters(connection, name));
  gauge('view_caught_up', 'Whether the view has caught up with its streams: 1 or 0', () => view?.caughtUp);
  counter('view_rebuilds', 'Number of times the view was rebuilt from its streams', () => view?.state.rebuilds);
  gauge('view_snapshot_age_seconds', 'Age of the newest snapshot that fits the view', () => {
    const madeAt = snapshot()?.madeAt;
    return madeAt && Math.max(0, now() - madeAt) / 1000;
  });
  gauge('view_snapshot_bytes', 'Compressed size of the newest snapshot that fits the view', () => snapshot()?.bytes);
  gauge('view_snapshot_behind_events', 'Events in the view that this snapshot lacks', () => snapshot()?.behind);
  gauge('view_snapshot_missing', missing, () => snapshot() && snapshot()?.problem !== undefined);
  const stream = 'messaging_destination_name';
  for (const [name, help, field] of streamGauges) {
    const read = () => (view?.status() ?? []).map((one) => ({ labels: { [stream]: one.stream }, value: one[field] }));
    addMetric(registry, Gauge, `marquee_view_${name}`, help, read, stream);
  }
}
