/** Telemetry of a service: metrics always, spans only if traces are exported. Otherwise there is no tracer. */
import { randomUUID } from 'node:crypto';
import {
  type Attributes,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import type { Operation } from '../operations/operation.ts';
import type { Logger } from '../process/log.ts';
import { type RequestMetrics, type ServiceMetrics, serviceMetrics } from './metrics.ts';
import type { ExportingTracer } from './otel-sdk.ts';

export { type Span, SpanKind } from '@opentelemetry/api';

/** What is recorded for the requests of one operation over one transport: metrics, and spans if traces are exported. */
export interface Requests {
  metrics: RequestMetrics;
  tracer: Tracer | undefined;
  /** Name of the spans. */
  name: string;
  attributes: Attributes;
  /** Name of the span attribute for the status. */
  status: string;
}

/** Metrics and tracer of one service replica. */
export class Telemetry implements AsyncDisposable {
  /** Undefined if no traces are exported. */
  readonly tracer: Tracer | undefined;
  /** Id of this replica in exported traces. */
  readonly instance: string;
  readonly metrics: ServiceMetrics;
  readonly #exporting: ExportingTracer | undefined;

  constructor(service: string, exporting?: ExportingTracer, instance: string = randomUUID()) {
    this.metrics = serviceMetrics(service, exporting !== undefined);
    this.#exporting = exporting;
    this.tracer = exporting?.tracer;
    this.instance = instance;
  }

  /** Telemetry of an operation's HTTP requests at one of its paths. */
  http(operation: Operation, route: string): Requests {
    const { method, subject } = operation;
    return {
      metrics: this.metrics.http(method, route, operation),
      tracer: this.tracer,
      name: `${method} ${route}`,
      attributes: { 'http.request.method': method, 'http.route': route, 'marquee.operation': subject },
      status: 'http.response.status_code',
    };
  }

  rpc(operation: Operation): Requests {
    const { subject } = operation;
    return {
      metrics: this.metrics.rpc(operation),
      tracer: this.tracer,
      name: subject,
      attributes: { 'rpc.system.name': 'nats', 'rpc.method': subject, 'marquee.operation': subject },
      status: 'rpc.response.status_code',
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exporting?.[Symbol.asyncDispose]();
  }
}

/**
 * Starts the telemetry of a service. Loads the OpenTelemetry SDK only if traces are exported.
 * @param instance id of the replica; a view worker passes that of its service
 */
export async function startTelemetry(
  service: string,
  { tracing }: { tracing: boolean },
  log: Logger,
  instance: string = randomUUID(),
): Promise<Telemetry> {
  let exporting: ExportingTracer | undefined;
  try {
    if (tracing) exporting = (await import('./otel-sdk.ts')).startSdk(service, instance, log);
    if (exporting) log.info('traces are exported');
  } catch (error) {
    log.error({ err: error }, 'the OpenTelemetry SDK could not be started: traces are not exported');
  }
  return new Telemetry(service, exporting, instance);
}

/** Attributes of all spans for messages. */
export const messaging: Attributes = { 'messaging.system': 'nats' };

/**
 * Starts a span in the trace of `traceparent`, which is that of its cause, or in a new trace.
 * @param name a name of low cardinality, such as an operation or a stream, never an id
 * @param linkedTo traceparents of other requests or events that the work is done for
 */
export function startSpan(
  tracer: Tracer,
  name: string,
  options: SpanOptions,
  traceparent = '',
  linkedTo: readonly string[] = [],
): Span {
  const parent = parseTraceParent(traceparent);
  const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  const linked = linkedTo.map(parseTraceParent).filter((context) => context !== null);
  return tracer.startSpan(name, { ...options, links: linked.map((context) => ({ context })) }, context);
}

/** Ends a span. @param error kind of failure, if it failed @param attributes those known only at the end */
export function endSpan(span: Span, error?: string, attributes: Attributes = {}): void {
  span.setAttributes(attributes);
  if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Returns the traceparent for work done within a span; undefined for a span that is not exported. */
export function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}
