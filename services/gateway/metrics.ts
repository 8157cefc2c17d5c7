/** Metrics of the gateway only: circuit breakers and live events. Their values are read at each scrape. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { addMetric } from '../../shared/observe/metrics.ts';
import type { Breakers } from './breakers.ts';
import type { LiveHub } from './live-hub.ts';

/** Registers the metrics. */
export function addGatewayMetrics(registry: Registry, breakers: Breakers, hub: LiveHub): void {
  const label = 'service_peer_name';
  const read = (field: 'open' | 'opened') => () =>
    breakers.states().map((state) => ({ labels: { [label]: state.service }, value: state[field] }));
  const open = 'Whether requests to a service are refused because it does not respond: 1 or 0';
  addMetric(registry, Gauge, 'marquee_circuit_breaker_open', open, read('open'), label);
  const opened = 'Times that the circuit breaker of a service opened';
  addMetric(registry, Counter, 'marquee_circuit_breaker_opened_total', opened, read('opened'), label);
  addMetric(registry, Gauge, 'marquee_live_listeners', 'Clients connected to live events', () => hub.listeners);
}
