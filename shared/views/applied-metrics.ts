/** Metrics of what is applied to a view, by stream. */
import type { ViewMetrics } from '../observe/metrics.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { Applied } from './projection.ts';

export class AppliedMetrics {
  readonly #telemetry: Telemetry;
  readonly #byStream = new Map<string, ViewMetrics>();

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  observe(stream: string, { seconds, events }: Applied): void {
    let metrics = this.#byStream.get(stream);
    if (!metrics) {
      metrics = this.#telemetry.metrics.view(stream);
      this.#byStream.set(stream, metrics);
    }
    metrics.seconds.observe(seconds);
    metrics.events.observe(events);
    metrics.consumed.inc(events);
  }
}
