/** Spans by OpenTelemetry's API. Where none are exported there is no tracer, and none are made. */
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

export { type Span, SpanKind } from '@opentelemetry/api';

/** Attributes of all spans about messages. */
export const messaging: Attributes = { 'messaging.system': 'nats' };

/** What caused some work. */
export interface Cause {
  readonly traceparent?: string | undefined;
  /** traceparents of other work that it is done for. */
  readonly linkedTo?: readonly string[] | undefined;
}

/**
 * Starts a span, in the trace of what caused it or in a new one.
 * @param name few different ones: an operation or a stream, never an id
 */
export function startSpan(tracer: Tracer, name: string, options: SpanOptions, cause: Cause): Span {
  const parent = parseTraceParent(cause.traceparent ?? '');
  const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  const linked = (cause.linkedTo ?? []).map(parseTraceParent).filter((context) => context !== null);
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
