/** What a service counts and measures. docs/metrics.md lists it; names follow OpenTelemetry's conventions. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, type RegistryContentType } from 'prom-client';
import type { Operation } from '../operations/operation.ts';
import { version } from '../process/version.ts';

/** The bounds of OpenTelemetry's conventions, and finer ones below: most answers here take less than a millisecond. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const nats = { messaging_system: 'nats' };
const stream = 'messaging_destination_name';

/** What a metric shows; undefined or null where there is nothing to show. */
export type ReadMetric = () => number | boolean | null | undefined | Promise<number | boolean | null | undefined>;

/** Adds a metric without labels. */
export function addMetric(
  registry: Registry,
  Metric: typeof Gauge | typeof Counter,
  name: string,
  help: string,
  read: ReadMetric,
) {
  new Metric({
    name,
    help,
    registers: [registry],
    async collect() {
      const value = await read();
      this.reset();
      if (value === undefined || value === null) this.remove();
      else this.inc(Number(value));
    },
  });
}

/** Requests of one operation over one transport. */
export class RequestMetrics {
  /** Those that have ended, those of them that were refused, and how long they took in all. */
  count = 0;
  errors = 0;
  seconds = 0;
  readonly #histogram: Histogram;
  readonly #labels: Record<string, string>;
  readonly #status: string;
  readonly #active: Gauge.Internal<string> | undefined;

  /**
   * @param status name of the label that holds it
   * @param active those that are being worked on, where it is told when they begin
   */
  constructor(histogram: Histogram, labels: Record<string, string>, status: string, active?: Gauge.Internal<string>) {
    this.#histogram = histogram;
    this.#labels = labels;
    this.#status = status;
    this.#active = active;
    // It is there from the beginning; others that count in it may be under way.
    active?.inc(0);
  }

  begun(): void {
    this.#active?.inc();
  }

  /** `startedAt` is by performance.now(). `traceId`: where its trace is exported. */
  ended(startedAt: number, status: number, traceId?: string): void {
    this.#active?.dec();
    const labels = { ...this.#labels, [this.#status]: `${status}` };
    const seconds = (performance.now() - startedAt) / 1000;
    if (traceId) this.#histogram.observe({ labels, value: seconds, exemplarLabels: { trace_id: traceId } });
    else this.#histogram.labels(labels).observe(seconds);
    this.count++;
    this.seconds += seconds;
    if (status >= 400) this.errors++;
  }
}

/** The metrics of one service. Children are asked for once, when something starts, and kept. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly #http: Histogram;
  readonly #rpc: Histogram;
  readonly #sent: Histogram;
  readonly #worked: Histogram;
  readonly #consumed: Counter;
  readonly #applied: Histogram;
  readonly #deadLetters: Counter;
  readonly #forged: Counter;
  readonly #repeated: Counter;
  readonly #httpActive: Gauge;
  readonly #rpcActive: Gauge;

  /** @param traced whether requests may be in a trace that is exported: only OpenMetrics' format can say in which */
  constructor(service: string, traced: boolean) {
    if (traced) (this.registry as Registry<RegistryContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const registers = [this.registry];
    const histogram = (name: string, help: string, labelNames: string[], enableExemplars = false): Histogram =>
      new Histogram({ name, help, labelNames, buckets: durations, registers, enableExemplars });
    const gauge = (name: string, help: string, labelNames: string[]): Gauge =>
      new Gauge({ name, help, labelNames, registers });
    const counter = (name: string, help: string, labelNames: string[]): Counter =>
      new Counter({ name, help, labelNames, registers });

    const about = { service_name: service, service_namespace: 'marquee', service_version: version };
    gauge('target_info', 'The service and its version', Object.keys(about)).set(about, 1);
    const http = ['http_request_method', 'http_route', 'operation', 'http_response_status_code'];
    this.#http = histogram('http_server_request_duration_seconds', 'Time to answer HTTP requests', http, traced);
    const rpc = ['rpc_system_name', 'rpc_method', 'operation', 'rpc_response_status_code'];
    this.#rpc = histogram('rpc_server_call_duration_seconds', 'Time to answer requests over NATS', rpc, traced);
    this.#httpActive = gauge('http_server_active_requests', 'HTTP requests being worked on', ['http_request_method']);
    this.#rpcActive = gauge('rpc_server_active_requests', 'Requests over NATS being worked on', ['rpc_system_name']);
    const message = ['messaging_system', 'messaging_operation_name', stream];
    this.#sent = histogram('messaging_client_operation_duration_seconds', 'Time until the broker stored a message', [
      ...message,
      'error_type',
    ]);
    this.#consumed = counter('messaging_client_consumed_messages_total', 'Messages taken from streams', message);
    this.#worked = histogram('messaging_process_duration_seconds', 'Time that workers took for an event', [
      ...message,
      'messaging_consumer_group_name',
      'error_type',
    ]);
    this.#applied = histogram(
      'db_client_operation_duration_seconds',
      'Time of SQLite transactions that bring events into the view',
      ['db_system_name', 'db_operation_name', stream],
    );
    this.#deadLetters = counter('marquee_deadletters_total', 'Messages that this replica sent to DEADLETTERS', [
      stream,
    ]);
    this.#forged = counter('marquee_forged_events_total', 'Forged events in copies of streams', [stream]);
    this.#repeated = counter(
      'marquee_requests_repeated_total',
      'Requests to other services that were sent to a second replica',
      ['service_peer_name'],
    );
  }

  /** All metrics of the service and of its process in the registry's format. */
  text(): Promise<string> {
    const ofProcess = processMetrics();
    ofProcess.setContentType(this.registry.contentType);
    return Registry.merge([this.registry, ofProcess]).metrics();
  }

  /** Requests of an operation over HTTP; without one, requests that no operation takes. */
  http(method: string, route: string, operation?: Operation): RequestMetrics {
    const labels = { http_request_method: method, http_route: route, operation: operation?.subject ?? '' };
    const active = operation && this.#httpActive.labels(method);
    return new RequestMetrics(this.#http, labels, 'http_response_status_code', active);
  }

  rpc({ subject }: Operation): RequestMetrics {
    const labels = { rpc_system_name: 'nats', rpc_method: subject, operation: subject };
    return new RequestMetrics(this.#rpc, labels, 'rpc_response_status_code', this.#rpcActive.labels('nats'));
  }

  /** Messages to a stream. `error` is empty where the broker stored it. */
  sent(stream: string, error: string): Histogram.Internal<string> {
    const labels = { messaging_operation_name: 'publish', messaging_destination_name: stream, error_type: error };
    return this.#sent.labels({ ...nats, ...labels });
  }

  /** A batch of a stream's events has come into the view, in transactions of so many seconds. */
  applied({ stream, ...of }: { stream: string } & Record<'seconds' | 'events' | 'forged', number>): void {
    const labels = { messaging_destination_name: stream };
    this.#applied.observe({ db_system_name: 'sqlite', db_operation_name: 'apply', ...labels }, of.seconds);
    if (of.forged > 0) this.#forged.inc(labels, of.forged);
    this.#consumed.inc({ ...nats, messaging_operation_name: 'apply', ...labels }, of.events);
  }

  /** Events that a worker took. `error` is empty where the work was done. */
  worked(stream: string, durable: string, error: string): Histogram.Internal<string> {
    const labels = { messaging_operation_name: 'process', messaging_destination_name: stream };
    return this.#worked.labels({ ...nats, ...labels, messaging_consumer_group_name: durable, error_type: error });
  }

  deadLetters(stream: string): Counter.Internal {
    return this.#deadLetters.labels({ messaging_destination_name: stream });
  }

  /** Requests that were sent to a second replica of a service, because the first was late. */
  repeated(service: string): Counter.Internal {
    return this.#repeated.labels({ service_peer_name: service });
  }
}

let registry: Registry | undefined;

/** The metrics of the process. Collecting them begins when they are first asked for. */
function processMetrics(): Registry {
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
