/** What only the gateway can tell, as metrics that are read when they are asked for. */
import type { Registry } from '../../shared/observe/prometheus.ts';
import type { Breakers } from './breakers.ts';
import type { LiveHub } from './live-hub.ts';

/** Adds the state of the circuit breakers and of the live events. */
export function addGatewayMetrics(registry: Registry, breakers: Breakers, hub: LiveHub): void {
  registry.read(
    'marquee_circuit_breaker_open',
    'Whether requests to a service are refused because it does not answer: 1 or 0',
    'gauge',
    () =>
      breakers.states().map(({ service, open }) => ({ value: open ? 1 : 0, labels: { service_peer_name: service } })),
  );
  registry.read('marquee_circuit_breaker_opened_total', 'Times that a service was found not to answer', 'counter', () =>
    breakers.states().map(({ service, opened }) => ({ value: opened, labels: { service_peer_name: service } })),
  );
  registry.read('marquee_live_listeners', 'Clients that listen to live events', 'gauge', () => [
    { value: hub.listeners },
  ]);
}
