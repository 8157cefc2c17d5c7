import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readTracing } from './tracing-config.ts';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

test('nothing is traced without an endpoint, or when it is turned off', () => {
  assert.deepEqual(readTracing({}), { tracing: undefined, warnings: [] });
  assert.equal(readTracing({ ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }).tracing, undefined);
  assert.equal(readTracing({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }).tracing, undefined);
});

test('an endpoint is enough; the one for traces is taken as it is', () => {
  assert.deepEqual(readTracing(endpoint), {
    tracing: {
      url: 'http://collector:4318/v1/traces',
      protocol: 'http/protobuf',
      sampler: 'parentbased_always_on',
      ratio: 1,
      serviceName: undefined,
      delayMs: 5000,
      timeoutMs: 30_000,
      queue: 2048,
      batch: 512,
    },
    warnings: [],
  });
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://tempo/otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
  const { tracing } = readTracing({
    ...endpoint,
    ...own,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  });
  assert.deepEqual([tracing?.url, tracing?.protocol], ['https://tempo/otlp', 'http/json']);
  assert.deepEqual([tracing?.sampler, tracing?.ratio], ['traceidratio', 0.1]);
});

test('what cannot be used is said, and stops no service', () => {
  const grpc = readTracing({ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  assert.equal(grpc.tracing, undefined);
  assert.match(grpc.warnings.join(), /OTEL_EXPORTER_OTLP_PROTOCOL=grpc/);
  assert.match(readTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }).warnings.join(), /not a URL/);
  const odd = readTracing({ ...endpoint, OTEL_TRACES_SAMPLER: 'often', OTEL_BSP_SCHEDULE_DELAY: 'soon' });
  assert.deepEqual([odd.tracing?.sampler, odd.tracing?.delayMs], ['parentbased_always_on', 5000]);
  assert.equal(odd.warnings.length, 2);
});
