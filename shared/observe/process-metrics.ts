/** What the process costs, and how late its event loop is. The same for every service of a process. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Reading, Registry } from './prometheus.ts';

const resolutionMs = 20;
/** Prometheus usually asks every 15 s: a window of that length is seen at least once. */
const windowMs = 15_000;

type Delays = Record<(typeof measures)[number], number>;
const measures = ['min', 'max', 'mean', 'p50', 'p90', 'p99'] as const;

/** How late timers were in the last full window; in the present one while there is no other. */
class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  #last: Delays | undefined;

  constructor() {
    this.#histogram.enable();
    setInterval(() => {
      this.#last = this.#present();
      this.#histogram.reset();
    }, windowMs).unref();
  }

  read(): Delays {
    return this.#last ?? this.#present();
  }

  #present(): Delays {
    const histogram = this.#histogram;
    return {
      min: seconds(histogram.min),
      max: seconds(histogram.max),
      mean: seconds(histogram.mean),
      p50: seconds(histogram.percentile(50)),
      p90: seconds(histogram.percentile(90)),
      p99: seconds(histogram.percentile(99)),
    };
  }
}

/** Node measures from one tick of its timer to the next, Deno what a tick was late: only the second is a delay. */
const included = 'Deno' in globalThis ? 0 : resolutionMs * 1e6;

function seconds(nanoseconds: number): number {
  // Before the first tick `min` is a sentinel and `mean` is NaN.
  if (!(nanoseconds < 1e15)) return 0;
  return Math.max(0, nanoseconds - included) / 1e9;
}

let loopDelay: LoopDelay | undefined;

/** Adds the metrics of the process to a registry. */
export function addProcessMetrics(registry: Registry): void {
  loopDelay ??= new LoopDelay();
  const delay = loopDelay;
  for (const measure of measures) {
    const help = `How late the event loop ran its timers: ${measure} of 15 seconds`;
    registry.read(`nodejs_eventloop_delay_${measure}_seconds`, help, 'gauge', () => [{ value: delay.read()[measure] }]);
  }
  let before = performance.eventLoopUtilization();
  registry.read(
    'nodejs_eventloop_utilization',
    'Part of the time since the last look in which the event loop was busy',
    'gauge',
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      // Deno counts neither idle nor active time.
      return now.idle + now.active > 0 ? [{ value: utilization }] : [];
    },
  );
  registry.read('process_cpu_time_seconds_total', 'Processor time used', 'counter', cpuTime);
  registry.read('process_memory_usage_bytes', 'Physical memory in use', 'gauge', () => [
    { value: process.memoryUsage.rss() },
  ]);
  registry.read('v8js_memory_heap_used_bytes', 'JavaScript heap in use', 'gauge', () => [
    { value: process.memoryUsage().heapUsed },
  ]);
  registry.read('process_uptime_seconds', 'Time since the process was started', 'gauge', () => [
    { value: process.uptime() },
  ]);
}

function cpuTime(): Reading[] {
  const { user, system } = process.cpuUsage();
  return [
    { value: user / 1e6, labels: { cpu_mode: 'user' } },
    { value: system / 1e6, labels: { cpu_mode: 'system' } },
  ];
}
