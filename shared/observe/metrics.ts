/** What a service counts and measures. docs/metrics.md lists it; names follow OpenTelemetry's conventions. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry, type RegistryContentType } from 'prom-client';
import type { Operation } from '../operations/operation.ts';
import { version } from '../process/version.ts';

/** The bounds of OpenTelemetry's conventions, and finer ones below: most answers here take less than a millisecond. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const nats = { messaging_system: 'nats' };
const stream = 'messaging_destination_name';

/** Undefined or null where there is nothing to show. */
type Value = number | boolean | null | undefined;
type Shown = Value | { labels: Record<string, string>; value: Value }[];

/** What a metric shows: one value, or one for each of some labels. */
export type ReadMetric = () => Shown | Promise<Shown>;

/** Adds a metric that is read when it is asked for. */
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
      const shown = await read();
      this.reset();
      for (const { labels, value } of Array.isArray(shown) ? shown : [{ labels: {}, value: shown }]) {
        if (value === undefined || value === null) this.remove(labels);
        else this.inc(labels, Number(value));
      }
    },
  });
}

export type RequestMetrics = ReturnType<typeof requestMetrics>;

/**
 * Requests of one operation over one transport.
 * @param statusLabel name of the label that holds the status
 * @param active those that are being worked on, where it is told when they begin
 */
function requestMetrics(
  histogram: Histogram,
  own: Record<string, string>,
  statusLabel: string,
  active?: Gauge.Internal<string>,
) {
  // It is there from the beginning; others that count in it may be under way.
  active?.inc(0);
  return {
    /** Those that have ended, those of them that were refused, and how long they took in all. */
    count: 0,
    errors: 0,
    seconds: 0,

    begun(): void {
      active?.inc();
    },

    /** `startedAt` is by performance.now(). `traceId`: where its trace is exported. */
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
 * The metrics of one service. Children are asked for once, when something starts, and kept.
 * @param traced whether requests may be in a trace that is exported: only OpenMetrics' format can say in which
 */
export function serviceMetrics(service: string, traced: boolean) {
  const registry = new Registry();
  const registers = [registry];
  if (traced) (registry as Registry<RegistryContentType>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const histogram = (name: string, help: string, labelNames: string[], enableExemplars = false): Histogram =>
    new Histogram({ name, help, labelNames, buckets: durations, registers, enableExemplars });
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
  const httpActive = gauge('http_server_active_requests', 'HTTP requests being worked on', ['http_request_method']);
  const rpcActive = gauge('rpc_server_active_requests', 'Requests over NATS being worked on', ['rpc_system_name']);
  const message = ['messaging_system', 'messaging_operation_name', stream];
  const sent = histogram('messaging_client_operation_duration_seconds', 'Time until the broker stored a message', [
    ...message,
    'error_type',
  ]);
  const consumed = counter('messaging_client_consumed_messages_total', 'Messages taken from streams', message);
  const worked = histogram('messaging_process_duration_seconds', 'Time that workers took for an event', [
    ...message,
    'messaging_consumer_group_name',
    'error_type',
  ]);
  const applied = histogram(
    'db_client_operation_duration_seconds',
    'Time of SQLite transactions that bring events into the view',
    ['db_system_name', 'db_operation_name', stream],
  );
  const deadLetters = counter('marquee_deadletters_total', 'Messages that this replica sent to DEADLETTERS', [stream]);
  const forged = counter('marquee_forged_events_total', 'Forged events in copies of streams', [stream]);
  const repeated = counter(
    'marquee_requests_repeated_total',
    'Requests to other services that were sent to a second replica',
    ['service_peer_name'],
  );
  return {
    registry,

    /** All metrics of the service and of its process in the registry's format. */
    text(): Promise<string> {
      const shared = processMetrics();
      shared.setContentType(registry.contentType);
      return Registry.merge([registry, shared]).metrics();
    },

    /** Requests of an operation over HTTP; without one, requests that no operation takes. */
    http(method: string, route: string, operation?: Operation): RequestMetrics {
      const labels = { http_request_method: method, http_route: route, operation: operation?.subject ?? '' };
      return requestMetrics(http, labels, 'http_response_status_code', operation && httpActive.labels(method));
    },

    rpc({ subject }: Operation): RequestMetrics {
      const labels = { rpc_system_name: 'nats', rpc_method: subject, operation: subject };
      return requestMetrics(rpc, labels, 'rpc_response_status_code', rpcActive.labels('nats'));
    },

    /** Messages to a stream. `error` is empty where the broker stored it. */
    sent(stream: string, error: string): Histogram.Internal<string> {
      const labels = { messaging_operation_name: 'publish', messaging_destination_name: stream, error_type: error };
      return sent.labels({ ...nats, ...labels });
    },

    /** A batch of a stream's events has come into the view, in transactions of so many seconds. */
    applied({ stream, ...of }: { stream: string } & Record<'seconds' | 'events' | 'forged', number>): void {
      const labels = { messaging_destination_name: stream };
      applied.observe({ db_system_name: 'sqlite', db_operation_name: 'apply', ...labels }, of.seconds);
      if (of.forged > 0) forged.inc(labels, of.forged);
      consumed.inc({ ...nats, messaging_operation_name: 'apply', ...labels }, of.events);
    },

    /** Events that a worker took. `error` is empty where the work was done. */
    worked(stream: string, durable: string, error: string): Histogram.Internal<string> {
      const labels = { messaging_operation_name: 'process', messaging_destination_name: stream };
      return worked.labels({ ...nats, ...labels, messaging_consumer_group_name: durable, error_type: error });
    },

    deadLetters: (stream: string): Counter.Internal => deadLetters.labels({ messaging_destination_name: stream }),

    /** Requests that were sent to a second replica of a service, because the first was late. */
    repeated: (service: string): Counter.Internal => repeated.labels({ service_peer_name: service }),
  };
}

let ofProcess: Registry | undefined;

/** The metrics of the process. Collecting them begins when they are first asked for. */
function processMetrics(): Registry {
  if (ofProcess) return ofProcess;
  ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  if ('Deno' in globalThis) withoutProc(ofProcess);
  return ofProcess;
}

/** prom-client reads these from /proc, which Deno shows to no program: better none than zeros. */
function withoutProc(register: Registry): void {
  for (const name of ['virtual_memory_bytes', 'heap_bytes', 'open_fds', 'resident_memory_bytes']) {
    register.removeSingleMetric(`process_${name}`);
  }
  const help = 'Resident memory size in bytes.';
  addMetric(register, Gauge, 'process_resident_memory_bytes', help, () => process.memoryUsage.rss());
}
