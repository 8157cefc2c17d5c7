/** What the process costs: prom-client's default metrics, collected once for all services of a process. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

let registry: Registry | undefined;

/** The metrics of the process. Collecting them begins when they are first asked for. */
export function processMetrics(): Registry {
  if (registry) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry });
  if ('Deno' in globalThis) withoutProc(registry);
  return registry;
}

/** prom-client reads these from /proc, which Deno shows to no program: better none than zeros. */
function withoutProc(register: Registry): void {
  for (const name of ['virtual_memory_bytes', 'heap_bytes', 'open_fds', 'resident_memory_bytes']) {
    register.removeSingleMetric(`process_${name}`);
  }
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers: [register],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
}
