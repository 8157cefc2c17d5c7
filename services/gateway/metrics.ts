/** What only the gateway can tell, as metrics that are read when they are asked for. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { addMetric } from '../../shared/observe/metrics.ts';
import type { Breakers } from './breakers.ts';
import type { LiveHub } from './live-hub.ts';

/** Adds the state of the circuit breakers and of the live events. */
export function addGatewayMetrics(registry: Registry, breakers: Breakers, hub: LiveHub): void {
  const registers = [registry];
  const labelNames = ['service_peer_name'];
  new Gauge({
    name: 'marquee_circuit_breaker_open',
    help: 'Whether requests to a service are refused because it does not answer: 1 or 0',
    labelNames,
    registers,
    collect() {
      for (const { service, open } of breakers.states()) this.set({ service_peer_name: service }, open ? 1 : 0);
    },
  });
  new Counter({
    name: 'marquee_circuit_breaker_opened_total',
    help: 'Times that a service was found not to answer',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const { service, opened } of breakers.states()) this.inc({ service_peer_name: service }, opened);
    },
  });
  addMetric(registry, Gauge, 'marquee_live_listeners', 'Clients that listen to live events', () => hub.listeners);
}
