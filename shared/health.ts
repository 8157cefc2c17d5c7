/** /healthz: the process answers. /readyz: the broker is connected and stores, and the view has caught up. /metrics: Prometheus. */
import type { Hono } from 'hono';
import { countDeadLetters } from './broker/dead-letters.ts';
import { addConnectionMetrics, type Observed } from './connection-metrics.ts';

interface HealthOptions {
  /** What an operator has to decide, in a sentence each. */
  problems(): string[] | Promise<string[]>;
  state: { stopping: boolean };
}

/** Adds the three routes. `/readyz` is 503 until the service should get requests, and says why in its body. */
export function addHealth(app: Hono, observed: Observed, { problems, state }: HealthOptions): void {
  const { name, connection, clock, view, writes } = observed;
  const { metrics } = connection.telemetry;
  addConnectionMetrics(metrics.registry, observed);
  app.get('/metrics', async (c) => c.body(await metrics.text(), 200, { 'Content-Type': metrics.registry.contentType }));
  app.get('/healthz', (c) => c.json({ status: 'ok', service: name }));
  app.get('/readyz', async (c) => {
    const caughtUp = view?.caughtUp ?? true;
    const refused = [...new Set([...connection.refusals.all, ...(view?.refused ?? [])])];
    // A service that may not listen cannot be asked.
    const deaf = refused.some((what) => what.startsWith('subscription'));
    const failing = writes?.failing ?? [];
    const [undecided, deadLetters] = await Promise.all([problems(), countDeadLetters(connection, name)]);
    const well = caughtUp && !deaf && failing.length === 0 && undecided.length === 0;
    const ready = connection.connected && well && !state.stopping;
    const details = {
      status: ready ? 'ready' : 'not_ready',
      service: name,
      stopping: state.stopping,
      broker: connection.connected ? 'connected' : 'disconnected',
      ...(refused.length > 0 ? { refused } : {}),
      ...(failing.length > 0 ? { writesFail: failing } : {}),
      ...(clock.warning === undefined ? {} : { clock: clock.warning }),
      ...(undecided.length > 0 ? { problems: undecided } : {}),
      caughtUp,
      streams: view?.status() ?? [],
      deadLetters,
    };
    return c.json(details, ready ? 200 : 503, ready ? {} : { 'Retry-After': '1' });
  });
}
