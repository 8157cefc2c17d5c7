/** JSON logs on standard output, one line per entry. */
import { appendFileSync } from 'node:fs';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { currentOrigin } from './trace-context.ts';

export type { Logger } from 'pino';

/**
 * Creates a logger, whose lines have the service's name and, in work for a command or event, the trace and request ids.
 * @param level a level of pino
 * @param destination a stream, or the path of a file
 */
export function createLogger(name: string, level: string, destination?: DestinationStream | string): Logger {
  const stream =
    typeof destination === 'string' ? { write: (line: string) => appendFileSync(destination, line) } : destination;
  const options: LoggerOptions = {
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => currentOrigin.getStore()?.ids ?? {},
  };
  return stream ? pino(options, stream) : pino(options);
}
