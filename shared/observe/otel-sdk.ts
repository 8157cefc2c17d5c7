/** The OpenTelemetry SDK of one service. Imported only if a collector is configured, because loading it is slow. */
import { context, DiagLogLevel, diag, propagation, type Tracer, trace } from '@opentelemetry/api';
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import type { Logger } from '../process/log.ts';
import { version } from '../process/version.ts';
import { within } from '../process/within.ts';

/** How long shutdown waits for the last spans to be exported. */
const flushMs = 3000;

/** A tracer. Disposing it exports the last spans. */
export interface ExportingTracer extends AsyncDisposable {
  tracer: Tracer;
}

/** Starts the SDK. It reads all settings but the service's name from OpenTelemetry's environment variables. */
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
  // Each service of a process has its own SDK, which registers itself globally. That fails while another is registered.
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

/** Logs problems such as an unreachable collector, at most once a minute and by one service of the process. */
function reportProblems(log: Logger): void {
  let quietUntil = 0;
  const warn = (message: string, ...more: unknown[]): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + 60_000;
    log.warn({ reason: [message, ...more].map(String).join(' ').slice(0, 500) }, 'OpenTelemetry reports a problem');
  };
  const silent = (): void => {};
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
