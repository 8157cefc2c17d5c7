/** /healthz: the process answers. /readyz: it has been connected and up to date, and can answer. /metrics: Prometheus. */
import type { Hono } from 'hono';
import { countDeadLetters } from './broker/dead-letters.ts';
import { addConnectionMetrics, type Observed } from './connection-metrics.ts';
import { addGauge } from './observe/metrics.ts';
import type { Identity } from './operations/access.ts';
import type { SnapshotState } from './views/messages.ts';

interface HealthOptions extends Observed {
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
  const health = new Health(options);
  addConnectionMetrics(metrics.registry, options);
  health.addMetrics();
  operators.get('/metrics', async (c) =>
    c.body(await metrics.text(), 200, { 'Content-Type': metrics.registry.contentType }),
  );
  for (const one of new Set([app, operators])) {
    one.get('/healthz', (c) => c.json({ status: 'ok', service: name }));
    one.get('/readyz', async (c) => {
      const details = one === operators ? await health.details() : {};
      const { ready } = health;
      const body = { status: ready ? 'ready' : 'not_ready', service: name, ...details };
      return c.json(body, ready ? 200 : 503, ready ? {} : { 'Retry-After': '1' });
    });
  }
}

function shown({ madeAt, ...snapshot }: SnapshotState) {
  return { madeAt: madeAt === undefined ? undefined : new Date(madeAt).toISOString(), ...snapshot };
}

class Health {
  readonly #options: HealthOptions;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  get #caughtUp(): boolean {
    return this.#options.view?.caughtUp ?? true;
  }

  get #refused(): string[] {
    const { connection, view } = this.#options;
    return [...new Set([...connection.refusals.all, ...(view?.refused ?? [])])];
  }

  get ready(): boolean {
    const { connection, view, state } = this.#options;
    // A service that may not listen cannot be asked.
    const deaf = this.#refused.some((what) => what.startsWith('subscription'));
    // Nor does a view catch up with a stream that was lost: it answers from what it has.
    const follows = connection.connected && (view?.problems ?? []).length === 0;
    const answers = follows ? this.#caughtUp : (view?.canAnswer ?? true);
    return state.begun && answers && !deaf && !state.stopping;
  }

  async degraded(): Promise<boolean> {
    const { connection, writes, problems, state } = this.#options;
    const well = connection.connected && (writes?.failing ?? []).length === 0 && (await problems()).length === 0;
    return state.begun && !well;
  }

  async details() {
    const { name, connection, clock, identity, view, writes, state } = this.#options;
    const failing = writes?.failing ?? [];
    const [problems, more, deadLetters, degraded] = await Promise.all([
      this.#options.problems(),
      this.#options.details?.(),
      countDeadLetters(connection, name),
      this.degraded(),
    ]);
    const refused = this.#refused;
    return {
      degraded,
      stopping: state.stopping,
      broker: connection.connected ? 'connected' : 'disconnected',
      ...(refused.length > 0 ? { refused } : {}),
      ...(failing.length > 0 ? { writesFail: failing } : {}),
      ...(clock.warning === undefined ? {} : { clock: clock.warning }),
      ...(identity.warning === undefined ? {} : { access: identity.warning }),
      ...(problems.length > 0 ? { problems } : {}),
      caughtUp: this.#caughtUp,
      streams: view?.status() ?? [],
      ...(view?.snapshot ? { snapshot: shown(view.snapshot) } : {}),
      deadLetters,
      ...more,
    };
  }

  addMetrics(): void {
    const { registry } = this.#options.connection.telemetry.metrics;
    const degraded = 'Whether it answers queries but takes no commands: 1 or 0';
    addGauge(registry, 'marquee_ready', 'Whether requests should come here: 1 or 0', () => Number(this.ready));
    addGauge(registry, 'marquee_degraded', degraded, async () => Number(await this.degraded()));
  }
}
