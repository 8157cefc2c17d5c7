/** Prometheus metrics of a service. docs/metrics.md lists them; names follow OpenTelemetry's conventions. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, type RegistryContentType } from 'prom-client';
import type { Operation } from '../operations/operation.ts';
import { version } from '../process/version.ts';

/** Bucket bounds in seconds: OpenTelemetry's, and finer ones below, because most responses take less than 1 ms. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const nats = { messaging_system: 'nats' };
const stream = 'messaging_destination_name';

/** Value of a metric; undefined or null if there is none. */
type Value = number | boolean | null | undefined;
type Reading = Value | { labels: Record<string, string>; value: Value }[];

/** Reads a metric: one value, or one for each set of labels. */
export type ReadMetric = () => Reading | Promise<Reading>;

/** Adds a metric whose value is read at each scrape. */
export function addMetric(
  registry: Registry,
  Metric: typeof Gauge | typeof Counter,
  name: string,
  help: string,
  read: ReadMetric,
  ...labelNames: string[]
): void {
  new Metric({
    name,
    help,
    labelNames,
    registers: [registry],
    async collect() {
      const reading = await read();
      this.reset();
      for (const { labels, value } of Array.isArray(reading) ? reading : [{ labels: {}, value: reading }]) {
        if (value === undefined || value === null) this.remove(labels);
        else this.inc(labels, Number(value));
      }
    },
  });
}

export type RequestMetrics = ReturnType<typeof requestMetrics>;

/**
 * Creates the metrics of one operation's requests over one transport.
 * @param statusLabel name of the label for the status
 * @param active gauge of requests in progress, unless only their ends are recorded
 */
function requestMetrics(
  histogram: Histogram,
  own: Record<string, string>,
  statusLabel: string,
  active?: Gauge.Internal<string>,
) {
  // Shows the gauge from the start. It may be shared with requests in progress, so it is not set to 0.
  active?.inc(0);
  return {
    /** Number of ended requests, number of those that failed, and their total duration in seconds. */
    count: 0,
    errors: 0,
    seconds: 0,

    started(): void {
      active?.inc();
    },

    /** Records the end of a request. @param startedAt by performance.now() @param traceId if its trace is exported */
    ended(startedAt: number, status: number, traceId?: string): void {
      active?.dec();
      const labels = { ...own, [statusLabel]: `${status}` };
      const seconds = (performance.now() - startedAt) / 1000;
      if (traceId) histogram.observe({ labels, value: seconds, exemplarLabels: { trace_id: traceId } });
      else histogram.labels(labels).observe(seconds);
      this.count++;
      this.seconds += seconds;
      if (status >= 400) this.errors++;
    },
  };
}

export type ServiceMetrics = ReturnType<typeof serviceMetrics>;

/**
 * Creates the metrics of one service. Callers look up labelled metrics once at startup and keep them.
 * @param traced whether traces are exported: only the OpenMetrics format can link a measurement to its trace
 */
export function serviceMetrics(service: string, traced: boolean) {
  const registry = new Registry();
  const registers = [registry];
  if (traced) (registry as Registry<RegistryContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const histogram = (name: string, help: string, labelNames: string[], enableExemplars = false): Histogram =>
    new Histogram({ name, help, labelNames, buckets, registers, enableExemplars });
  const gauge = (name: string, help: string, labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers });

  const about = { service_name: service, service_namespace: 'marquee', service_version: version };
  gauge('target_info', 'The service and its version', Object.keys(about)).set(about, 1);
  const httpLabels = ['http_request_method', 'http_route', 'operation', 'http_response_status_code'];
  const http = histogram('http_server_request_duration_seconds', 'Time to answer HTTP requests', httpLabels, traced);
  const rpcLabels = ['rpc_system_name', 'rpc_method', 'operation', 'rpc_response_status_code'];
  const rpc = histogram('rpc_server_call_duration_seconds', 'Time to answer requests over NATS', rpcLabels, traced);
  const httpActive = gauge('http_server_active_requests', 'HTTP requests in progress', ['http_request_method']);
  const rpcActive = gauge('rpc_server_active_requests', 'Requests over NATS in progress', ['rpc_system_name']);
  const message = ['messaging_system', 'messaging_operation_name', stream];
  const sent = histogram('messaging_client_operation_duration_seconds', 'Time until the broker stored a message', [
    ...message,
    'error_type',
  ]);
  const consumed = counter('messaging_client_consumed_messages_total', 'Messages consumed from streams', message);
  const worked = histogram('messaging_process_duration_seconds', 'Time that workers took to process an event', [
    ...message,
    'messaging_consumer_group_name',
    'error_type',
  ]);
  const applied = histogram(
    'db_client_operation_duration_seconds',
    'Time of SQLite transactions that apply events to the view',
    ['db_system_name', 'db_operation_name', stream],
  );
  const deadLetters = counter('marquee_deadletters_total', 'Messages that this replica sent to DEADLETTERS', [stream]);
  const forged = counter('marquee_forged_events_total', 'Forged events in copies of streams', [stream]);
  const repeated = counter(
    'marquee_requests_repeated_total',
    'Requests to other services that were also sent to a second replica',
    ['service_peer_name'],
  );
  return {
    registry,

    /** Returns all metrics of the service and of its process in the registry's format. */
    text(): Promise<string> {
      const shared = processMetrics();
      shared.setContentType(registry.contentType);
      return Registry.merge([registry, shared]).metrics();
    },

    /** Metrics of an operation's HTTP requests; without `operation`, of those that match no operation. */
    http(method: string, route: string, operation?: Operation): RequestMetrics {
      const labels = { http_request_method: method, http_route: route, operation: operation?.subject ?? '' };
      return requestMetrics(http, labels, 'http_response_status_code', operation && httpActive.labels(method));
    },

    rpc({ subject }: Operation): RequestMetrics {
      const labels = { rpc_system_name: 'nats', rpc_method: subject, operation: subject };
      return requestMetrics(rpc, labels, 'rpc_response_status_code', rpcActive.labels('nats'));
    },

    /** Duration of publishes to a stream. @param error empty if the broker stored the message */
    sent(stream: string, error: string): Histogram.Internal<string> {
      const labels = { messaging_operation_name: 'publish', messaging_destination_name: stream, error_type: error };
      return sent.labels({ ...nats, ...labels });
    },

    /** Records a batch of events applied to the view. `seconds` is the duration of its transactions. */
    applied({ stream, ...of }: { stream: string } & Record<'seconds' | 'events' | 'forged', number>): void {
      const labels = { messaging_destination_name: stream };
      applied.observe({ db_system_name: 'sqlite', db_operation_name: 'apply', ...labels }, of.seconds);
      if (of.forged > 0) forged.inc(labels, of.forged);
      consumed.inc({ ...nats, messaging_operation_name: 'apply', ...labels }, of.events);
    },

    /** Duration of a worker's processing of events. @param error empty if the work was done */
    worked(stream: string, durable: string, error: string): Histogram.Internal<string> {
      const labels = { messaging_operation_name: 'process', messaging_destination_name: stream };
      return worked.labels({ ...nats, ...labels, messaging_consumer_group_name: durable, error_type: error });
    },

    deadLetters: (stream: string): Counter.Internal => deadLetters.labels({ messaging_destination_name: stream }),

    /** Requests that were also sent to a second replica of a service, because the first was slow. */
    repeated: (service: string): Counter.Internal => repeated.labels({ service_peer_name: service }),
  };
}

let processRegistry: Registry | undefined;

/** Returns the metrics of the process, which are collected from the first call on. */
function processMetrics(): Registry {
  if (processRegistry) return processRegistry;
  processRegistry = new Registry();
  collectDefaultMetrics({ register: processRegistry });
  if ('Deno' in globalThis) replaceProcMetrics(processRegistry);
  return processRegistry;
}

/** Removes metrics that prom-client reads from /proc, which Deno does not let programs read: they would be 0. */
function replaceProcMetrics(register: Registry): void {
  for (const name of ['virtual_memory_bytes', 'heap_bytes', 'open_fds', 'resident_memory_bytes']) {
    register.removeSingleMetric(`process_${name}`);
  }
  const help = 'Resident memory size in bytes.';
  addMetric(register, Gauge, 'process_resident_memory_bytes', help, () => process.memoryUsage.rss());
}
