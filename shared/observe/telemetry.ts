/** Seeing inside a service: its metrics, always; its spans, when they are exported. */
import { randomUUID } from 'node:crypto';
import type { Operation } from '../operations/operation.ts';
import type { Logger } from '../process/log.ts';
import type { LazyOrigin } from '../process/trace-context.ts';
import type { TracingConfig } from '../process/tracing-config.ts';
import { type RequestMetrics, ServiceMetrics } from './metrics.ts';

export type SpanKind = 'server' | 'client' | 'producer' | 'consumer';
export type Attributes = Record<string, string | number>;

/** Attributes of all spans about messages. */
export const messaging: Attributes = { 'messaging.system': 'nats' };

/** A piece of work that has begun. */
export interface ActiveSpan {
  /** What is done for this work has it as its parent. */
  readonly traceparent: string;
  /** Ends it. `error` says what kind of failure it was; `attributes` are known only now. */
  end(error?: string, attributes?: Attributes): void;
}

export interface SpanStart {
  kind: SpanKind;
  /** Few different ones: an operation or a stream, never an id. */
  name: string;
  /** traceparent of what caused it; without one a trace begins. */
  parent?: string | undefined;
  /** traceparents of other work that it is done for. */
  links?: string[] | undefined;
  attributes: Attributes;
}

/** Where spans are started: there is one only where traces are exported. */
export interface Tracer extends AsyncDisposable {
  start(span: SpanStart): ActiveSpan;
}

/** What the code of a service reports to. */
export class Telemetry implements AsyncDisposable {
  readonly tracer: Tracer | undefined;
  /** Tells this replica apart from others in what is exported. */
  readonly instance: string;
  readonly #service: string;
  #metrics: ServiceMetrics | undefined;

  constructor(service: string, tracer?: Tracer, instance = randomUUID() as string) {
    this.#service = service;
    this.tracer = tracer;
    this.instance = instance;
  }

  /** Made for the first who counts something: the thread of views counts nothing itself. */
  get metrics(): ServiceMetrics {
    this.#metrics ??= new ServiceMetrics(this.#service);
    return this.#metrics;
  }

  /** Requests of an operation over HTTP at one of its paths. */
  http(operation: Operation, route: string): Requests {
    const { method, subject } = operation;
    return new Requests(this.metrics.http(method, route, operation), this.tracer, {
      name: `${method} ${route}`,
      attributes: { 'http.request.method': method, 'http.route': route, 'marquee.operation': subject },
      status: 'http.response.status_code',
    });
  }

  /** Requests of an operation over NATS. */
  rpc(operation: Operation): Requests {
    const { subject } = operation;
    return new Requests(this.metrics.rpc(operation), this.tracer, {
      name: subject,
      attributes: { 'rpc.system.name': 'nats', 'rpc.method': subject, 'marquee.operation': subject },
      status: 'rpc.response.status_code',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tracer?.[Symbol.asyncDispose]();
  }
}

/**
 * Starts the telemetry of a service. The OpenTelemetry SDK is loaded only where spans are to be exported.
 * @param instance the replica, where this is a part of one
 */
export async function startTelemetry(
  service: string,
  { tracing, warnings }: { tracing: TracingConfig | undefined; warnings: string[] },
  log: Logger,
  instance = randomUUID() as string,
): Promise<Telemetry> {
  for (const warning of warnings) log.warn(warning);
  if (!tracing) return new Telemetry(service);
  try {
    const { createTracer } = await import('./otlp.ts');
    log.info({ collector: tracing.url, protocol: tracing.protocol, sampler: tracing.sampler }, 'traces are exported');
    return new Telemetry(service, createTracer({ service, instance }, tracing, log), instance);
  } catch (error) {
    log.error({ err: error }, 'the OpenTelemetry SDK cannot be loaded: traces are not exported');
    return new Telemetry(service);
  }
}

interface RequestSpans {
  name: string;
  attributes: Attributes;
  /** Name of the attribute that holds the status. */
  status: string;
}

/** The requests of one operation over one transport: a measurement for each, and a span where spans are exported. */
export class Requests {
  readonly #metrics: RequestMetrics;
  readonly #tracer: Tracer | undefined;
  readonly #spans: RequestSpans;

  constructor(metrics: RequestMetrics, tracer: Tracer | undefined, spans: RequestSpans) {
    this.#metrics = metrics;
    this.#tracer = tracer;
    this.#spans = spans;
  }

  /** A request has come. Its work has the span as its parent. */
  begin(origin: LazyOrigin): ActiveSpan | undefined {
    this.#metrics.active++;
    if (!this.#tracer) return undefined;
    const { name, attributes } = this.#spans;
    const span = this.#tracer.start({ kind: 'server', name, parent: origin.givenTraceparent, attributes });
    origin.traceparent = span.traceparent;
    return span;
  }

  /** It has been answered. @param startedAt by performance.now() */
  end(startedAt: number, status: number, span: ActiveSpan | undefined): void {
    this.#metrics.active--;
    this.#metrics.ended(startedAt, status);
    // What the client did wrong is no failure of the server.
    span?.end(status >= 500 ? String(status) : undefined, { [this.#spans.status]: status });
  }
}
