/** What only the gateway can tell, as metrics that are read when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { addMetric } from '../../shared/observe/metrics.ts';
import type { Breakers } from './breakers.ts';
import type { LiveHub } from './live-hub.ts';

/** Adds the state of the circuit breakers and of the live events. */
export function addGatewayMetrics(registry: Registry, breakers: Breakers, hub: LiveHub): void {
  const label = 'service_peer_name';
  const read = (field: 'open' | 'opened') => () =>
    breakers.states().map((state) => ({ labels: { [label]: state.service }, value: state[field] }));
  const open = 'Whether requests to a service are refused because it does not answer: 1 or 0';
  addMetric(registry, Gauge, 'marquee_circuit_breaker_open', open, read('open'), label);
  const opened = 'Times that a service was found not to answer';
  addMetric(registry, Counter, 'marquee_circuit_breaker_opened_total', opened, read('opened'), label);
  addMetric(registry, Gauge, 'marquee_live_listeners', 'Clients that listen to live events', () => hub.listeners);
}
