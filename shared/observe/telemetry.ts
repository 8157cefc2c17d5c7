/** Seeing inside a service: its metrics, always; its spans, when they are exported. Else there is no tracer, and none are made. */
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

/** The requests of one operation over one transport: a measurement for each, and a span where spans are exported. */
export interface Requests {
  metrics: RequestMetrics;
  tracer: Tracer | undefined;
  /** Of the spans. */
  name: string;
  attributes: Attributes;
  /** Name of the attribute that holds the status. */
  status: string;
}

/** What the code of a service reports to. */
export class Telemetry implements AsyncDisposable {
  /** Undefined where no spans are exported. */
  readonly tracer: Tracer | undefined;
  /** Tells this replica apart from others in what is exported. */
  readonly instance: string;
  readonly metrics: ServiceMetrics;
  readonly #exporting: ExportingTracer | undefined;

  constructor(service: string, exporting?: ExportingTracer, instance: string = randomUUID()) {
    this.metrics = serviceMetrics(service, exporting !== undefined);
    this.#exporting = exporting;
    this.tracer = exporting?.tracer;
    this.instance = instance;
  }

  /** Requests of an operation over HTTP at one of its paths. */
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
 * Starts the telemetry of a service. The OpenTelemetry SDK is loaded only where spans are to be exported.
 * @param instance the replica, where this is a part of one
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
    log.error({ err: error }, 'the OpenTelemetry SDK cannot be started: traces are not exported');
  }
  return new Telemetry(service, exporting, instance);
}

/** Attributes of all spans about messages. */
export const messaging: Attributes = { 'messaging.system': 'nats' };

/**
 * Starts a span, in the trace of what caused it or in a new one.
 * @param name few different ones: an operation or a stream, never an id
 * @param linkedTo traceparents of other work that it is done for
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

/** Ends a span. `error` says what kind of failure it was; `attributes` are known only now. */
export function endSpan(span: Span, error?: string, attributes: Attributes = {}): void {
  span.setAttributes(attributes);
  if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** What work done for a span has as its traceparent; undefined for a span that is not exported. */
export function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}
