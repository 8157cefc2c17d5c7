/** Spans by OpenTelemetry's API. Without a collector a span does nothing, and none of what it is made from is read. */
import {
  type Attributes,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Link,
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

/** What caused some work: a W3C traceparent, read only where spans are exported. */
export interface Cause {
  readonly givenTraceparent: string | undefined;
  /** traceparents of other work that it is done for. */
  readonly linkedTo?: readonly string[] | undefined;
}

const noSpan = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * Starts a span, in the trace of what caused it or in a new one.
 * @param name few different ones: an operation or a stream, never an id
 * @param tracer undefined where no spans are exported
 */
export function startSpan(tracer: Tracer | undefined, name: string, options: SpanOptions, cause: Cause): Span {
  if (!tracer) return noSpan;
  const parent = parseTraceParent(cause.givenTraceparent ?? '');
  const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  return tracer.startSpan(name, { ...options, links: linksTo(cause.linkedTo) }, context);
}

/** Ends a span. `error` says what kind of failure it was; `attributes` are known only now. */
export function endSpan(span: Span, error?: string, attributes: Attributes = {}): void {
  span.setAttributes(attributes);
  if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** What work done for a span has as its traceparent; undefined where spans are not exported. */
export function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}

function linksTo(traceparents: readonly string[] = []): Link[] {
  return traceparents.flatMap((text) => {
    const context = parseTraceParent(text);
    return context ? [{ context }] : [];
  });
}
