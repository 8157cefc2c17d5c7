/** JSON logs on standard output, one line an event. */
import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** A logger whose lines carry the service's name. Levels as pino names them. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    level,
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
