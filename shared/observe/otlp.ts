/** Spans by the OpenTelemetry SDK, sent by OTLP. Imported only where they are exported: nobody else pays for the SDK. */
import {
  DiagLogLevel,
  diag,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, resourceAttributesEnvDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../process/log.ts';
import type { TracingConfig } from '../process/tracing-config.ts';
import { version } from '../process/version.ts';
import type { ActiveSpan, Attributes, SpanStart, Tracer } from './telemetry.ts';

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** How long the end of a service waits for its last spans. */
const flushMs = 3000;

/** Whose spans they are. */
interface Replica {
  service: string;
  instance: string;
}

/** A tracer of its own for each service of a process, so that each is seen under its name. */
export function createTracer({ service, instance }: Replica, config: TracingConfig, log: Logger): Tracer {
  reportProblems(log);
  const Exporter = config.protocol === 'http/json' ? JsonExporter : ProtobufExporter;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'marquee',
      'service.version': version,
      'service.instance.id': instance,
    })
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
      .merge(resourceFromAttributes(config.serviceName ? { 'service.name': config.serviceName } : {})),
    sampler: samplerOf(config),
    spanProcessors: [
      new BatchSpanProcessor({
        // Headers, certificates, compression and timeouts are read from the environment by the exporter itself.
        exporter: new Exporter({ url: config.url }),
        scheduledDelayMillis: config.delayMs,
        exportTimeoutMillis: config.timeoutMs,
        maxQueueSize: config.queue,
        maxExportBatchSize: config.batch,
      }),
    ],
  });
  const tracer = provider.getTracer(`marquee.${service}`, version);
  return {
    start({ kind, name, parent, links, attributes }: SpanStart): ActiveSpan {
      const context = parent ? trace.setSpanContext(ROOT_CONTEXT, spanContext(parent)) : ROOT_CONTEXT;
      const options = {
        kind: kinds[kind],
        attributes,
        ...(links ? { links: links.map((link) => ({ context: spanContext(link) })) } : {}),
      };
      const span = tracer.startSpan(name, options, context);
      return {
        traceparent: traceparentOf(span.spanContext(), parent),
        end(error?: string, more?: Attributes) {
          if (more) span.setAttributes(more);
          if (error !== undefined) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, flushMs).unref());
      await Promise.race([provider.shutdown().catch(() => {}), late]);
    },
  };
}

function samplerOf({ sampler, ratio }: TracingConfig): Sampler {
  const byName: Record<string, () => Sampler> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const name = sampler.replace('parentbased_', '');
  const root = (byName[name] as () => Sampler)();
  return sampler === name ? root : new ParentBasedSampler({ root });
}

function spanContext(traceparent: string): SpanContext {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-');
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

function traceparentOf(context: SpanContext, parent: string | undefined): string {
  // A span of a sampler that says no keeps the parent's context.
  if (!isSpanContextValid(context)) return parent ?? '';
  const flags = (context.traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}

let reporting = false;

/** A collector that is away must be heard of, not only in the SDK's own silence; once in a while is enough. */
function reportProblems(log: Logger): void {
  if (reporting) return;
  reporting = true;
  let quietUntil = 0;
  const say = (message: string, ...more: unknown[]): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 60_000;
    log.warn({ reason: [message, ...more].map(String).join(' ').slice(0, 500) }, 'traces cannot be exported');
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: say, warn: say, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
