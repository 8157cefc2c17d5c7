/** OpenTelemetry's standard variables, as far as they hold for traces over OTLP. */

export interface TracingConfig {
  /** Where spans are sent. */
  url: string;
  protocol: 'http/protobuf' | 'http/json';
  sampler: (typeof samplers)[number];
  /** Part of the traces that a ratio sampler takes. */
  ratio: number;
  serviceName: string | undefined;
  /** OTEL_BSP_…: milliseconds between exports, milliseconds for one, spans that may wait, spans in one export. */
  delayMs: number;
  timeoutMs: number;
  queue: number;
  batch: number;
}

export const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

type Environment = Record<string, string | undefined>;

/**
 * What to do about traces: nothing without an endpoint. A value that cannot be used is not an error, as OpenTelemetry
 * wants it: the service runs, and says in `warnings` what it does instead.
 */
export function readTracing(env: Environment): { tracing: TracingConfig | undefined; warnings: string[] } {
  const warnings: string[] = [];
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base && `${base.replace(/\/$/, '')}/v1/traces`);
  const off = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none';
  if (!url || off) return { tracing: undefined, warnings };
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf';
  if (protocol !== 'http/protobuf' && protocol !== 'http/json') {
    warnings.push(`OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}: only http/protobuf and http/json; traces are not exported`);
    return { tracing: undefined, warnings };
  }
  if (!URL.canParse(url)) {
    warnings.push('OTEL_EXPORTER_OTLP_ENDPOINT is not a URL; traces are not exported');
    return { tracing: undefined, warnings };
  }
  if ((env.OTEL_TRACES_EXPORTER ?? 'otlp') !== 'otlp')
    warnings.push('OTEL_TRACES_EXPORTER: only otlp and none; using otlp');
  const number = (name: string, otherwise: number, min: number, max: number): number => {
    const text = env[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (value >= min && value <= max) return value;
    warnings.push(`${name}=${text} is not a number from ${min} to ${max}; using ${otherwise}`);
    return otherwise;
  };
  const queue = number('OTEL_BSP_MAX_QUEUE_SIZE', 2048, 1, 1e6);
  return {
    tracing: {
      url,
      protocol,
      sampler: samplerOf(env.OTEL_TRACES_SAMPLER, warnings),
      ratio: number('OTEL_TRACES_SAMPLER_ARG', 1, 0, 1),
      serviceName: env.OTEL_SERVICE_NAME,
      delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 5000, 1, 600_000),
      timeoutMs: number('OTEL_BSP_EXPORT_TIMEOUT', 30_000, 1, 600_000),
      queue,
      batch: Math.min(queue, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 1, 1e6)),
    },
    warnings,
  };
}

function samplerOf(text: string | undefined, warnings: string[]): TracingConfig['sampler'] {
  const known = samplers.find((sampler) => sampler === text);
  if (text !== undefined && !known)
    warnings.push(`OTEL_TRACES_SAMPLER=${text} is unknown; using parentbased_always_on`);
  return known ?? 'parentbased_always_on';
}
