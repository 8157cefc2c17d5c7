/** What a service counts and measures. docs/metrics.md lists it; names follow OpenTelemetry's conventions. */
import type { Operation } from '../operations/operation.ts';
import { version } from '../process/version.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { type Counter, type Family, type Histogram, type Reading, Registry } from './prometheus.ts';

/** The bounds of OpenTelemetry's conventions, and finer ones below: most answers here take less than a millisecond. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const nats = { messaging_system: 'nats' };

/** Requests of one operation over one transport. */
export class RequestMetrics {
  /** Requests that are being worked on. */
  active = 0;
  readonly #byStatus = new Map<number, Histogram>();
  readonly #make: (status: number) => Histogram;

  constructor(make: (status: number) => Histogram) {
    this.#make = make;
  }

  /** @param startedAt when it began, by performance.now() */
  ended(startedAt: number, status: number): void {
    let histogram = this.#byStatus.get(status);
    if (!histogram) {
      histogram = this.#make(status);
      this.#byStatus.set(status, histogram);
    }
    histogram.observe((performance.now() - startedAt) / 1000);
  }
}

/** Batches of one stream on their way into the view. */
export interface ViewMetrics {
  seconds: Histogram;
  events: Histogram;
  consumed: Counter;
}

/** The metrics of one service. Children are asked for once, when something starts, and kept. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly #http: Family<Histogram>;
  readonly #rpc: Family<Histogram>;
  readonly #sent: Family<Histogram>;
  readonly #worked: Family<Histogram>;
  readonly #consumed: Family<Counter>;
  readonly #applied: Family<Histogram>;
  readonly #batches: Family<Histogram>;
  readonly #deadLetters: Family<Counter>;
  readonly #repeated: Family<Counter>;
  readonly #active: { labels: Record<string, string>; requests: RequestMetrics }[] = [];

  constructor(service: string) {
    const { registry } = this;
    registry.read('target_info', 'The service, its version and runtime', 'gauge', () => [
      { value: 1, labels: { service_name: service, service_namespace: 'marquee', service_version: version } },
    ]);
    this.#http = registry.histogram('http_server_request_duration_seconds', 'Time to answer HTTP requests', durations);
    this.#rpc = registry.histogram('rpc_server_call_duration_seconds', 'Time to answer requests over NATS', durations);
    this.#readActive('http_server_active_requests', 'HTTP requests being worked on', 'http_request_method');
    this.#readActive('rpc_server_active_requests', 'Requests over NATS being worked on', 'rpc_system_name');
    this.#sent = registry.histogram(
      'messaging_client_operation_duration_seconds',
      'Time until the broker stored a message',
      durations,
    );
    this.#consumed = registry.counter('messaging_client_consumed_messages_total', 'Messages taken from streams');
    this.#worked = registry.histogram(
      'messaging_process_duration_seconds',
      'Time that workers took for an event',
      durations,
    );
    this.#applied = registry.histogram(
      'db_client_operation_duration_seconds',
      'Time of SQLite transactions that bring events into the view',
      durations,
    );
    this.#batches = registry.histogram('marquee_view_batch_events', 'Events in one transaction of the view', counts);
    this.#deadLetters = registry.counter('marquee_deadletters_total', 'Messages that this replica sent to DEADLETTERS');
    this.#repeated = registry.counter(
      'marquee_requests_repeated_total',
      'Requests to other services that were sent to a second replica',
    );
    addProcessMetrics(registry);
  }

  /** Requests of an operation over HTTP; without one, requests that no operation takes. */
  http(method: string, route: string, operation?: Operation): RequestMetrics {
    const labels = { http_request_method: method, http_route: route, operation: operation?.subject ?? '' };
    return this.#requests(
      { http_request_method: method },
      new RequestMetrics((status) => this.#http.with({ ...labels, http_response_status_code: String(status) })),
    );
  }

  /** Requests of an operation over NATS. */
  rpc({ subject }: Operation): RequestMetrics {
    const labels = { rpc_system_name: 'nats', rpc_method: subject, operation: subject };
    return this.#requests(
      { rpc_system_name: 'nats' },
      new RequestMetrics((status) => this.#rpc.with({ ...labels, rpc_response_status_code: String(status) })),
    );
  }

  /** Messages to a stream. `error` is empty where the broker stored it. */
  sent(stream: string, error: string): Histogram {
    const labels = { messaging_operation_name: 'publish', messaging_destination_name: stream, error_type: error };
    return this.#sent.with({ ...nats, ...labels });
  }

  view(stream: string): ViewMetrics {
    const labels = { messaging_destination_name: stream };
    return {
      seconds: this.#applied.with({ db_system_name: 'sqlite', db_operation_name: 'apply', ...labels }),
      events: this.#batches.with(labels),
      consumed: this.#consumed.with({ ...nats, messaging_operation_name: 'apply', ...labels }),
    };
  }

  /** Events that a worker took. `error` is empty where the work was done. */
  worked(stream: string, durable: string, error: string): Histogram {
    const labels = { messaging_operation_name: 'process', messaging_destination_name: stream };
    return this.#worked.with({ ...nats, ...labels, messaging_consumer_group_name: durable, error_type: error });
  }

  deadLetters(stream: string): Counter {
    return this.#deadLetters.with({ messaging_destination_name: stream });
  }

  /** Requests that were sent to a second replica of a service, because the first was late. */
  repeated(service: string): Counter {
    return this.#repeated.with({ service_peer_name: service });
  }

  #requests(labels: Record<string, string>, requests: RequestMetrics): RequestMetrics {
    if (Object.values(labels).every(Boolean)) this.#active.push({ labels, requests });
    return requests;
  }

  #readActive(name: string, help: string, label: string): void {
    this.registry.read(name, help, 'gauge', () => {
      const sums = new Map<string, number>();
      for (const { labels, requests } of this.#active) {
        const value = labels[label];
        if (value !== undefined) sums.set(value, (sums.get(value) ?? 0) + requests.active);
      }
      return [...sums].map(([value, sum]): Reading => ({ value: sum, labels: { [label]: value } }));
    });
  }
}
