/** The OpenTelemetry SDK for one service. Imported only where a collector is named: nobody else pays for loading it. */
import { context, DiagLogLevel, diag, propagation, type Tracer, trace } from '@opentelemetry/api';
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from '../process/log.ts';
import { version } from '../process/version.ts';
import { within } from '../process/within.ts';

/** How long the end of a service waits for its last spans. */
const flushMs = 3000;

/** A tracer, and what sends the last spans. */
export interface ExportingTracer extends AsyncDisposable {
  tracer: Tracer;
}

/** Starts the SDK, which reads all but the names of the service from OpenTelemetry's own variables. */
export function startSdk(service: string, instance: string, log: Logger): ExportingTracer {
  reportProblems(log);
  const own = {
    'service.name': service,
    'service.namespace': 'marquee',
    'service.version': version,
    'service.instance.id': instance,
  };
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes(own)),
    resourceDetectors: [envDetector],
    metricReaders: [],
    logRecordProcessors: [],
  });
  // Each service of a process has an SDK of its own, and the SDK registers itself for all: the next would be refused.
  for (const registered of [trace, context, propagation]) registered.disable();
  sdk.start();
  return {
    tracer: trace.getTracer(`marquee.${service}`, version),
    async [Symbol.asyncDispose]() {
      await within(
        sdk.shutdown().catch(() => {}),
        flushMs,
      );
    },
  };
}

/** A collector that is away must be heard of, by one service of the process, once in a while. */
function reportProblems(log: Logger): void {
  let quietUntil = 0;
  const say = (message: string, ...more: unknown[]): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 60_000;
    log.warn({ reason: [message, ...more].map(String).join(' ').slice(0, 500) }, 'OpenTelemetry reports a problem');
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: say, warn: say, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
