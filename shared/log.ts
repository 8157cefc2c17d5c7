/** JSON logs on standard output, one line an event. */
import { type Logger, pino } from 'pino';
import { currentOrigin, type Origin, traceIdOf } from './trace.ts';

export type { Logger } from 'pino';

/** A logger whose lines carry the service's name and, in work for a command or an event, its trace and request. Levels as pino names them. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => {
      const origin = currentOrigin.getStore();
      return origin ? idsOf(origin) : {};
    },
  });
}

/** What a line about a request carries, so that it is found by the id that the client has, and with its trace. */
export function idsOf({ traceparent, requestId }: Origin): { traceId: string; requestId: string } {
  return { traceId: traceIdOf(traceparent), requestId };
}
