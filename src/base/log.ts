import { pino } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

/** What every room logs to; a child adds fields to each of its lines. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  child(fields: LogFields): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One JSON object a line on standard error, written synchronously so that nothing is lost in a crash. */
export function jsonLogger(level: LogLevel, fields: LogFields = {}): Logger {
  const sink = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
  return wrap(sink.child(fields))
}

function wrap(sink: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => sink.debug(fields, message),
    info: (message, fields = {}) => sink.info(fields, message),
    warn: (message, fields = {}) => sink.warn(fields, message),
    error: (message, fields = {}) => sink.error(fields, message),
    child: fields => wrap(sink.child(fields)),
  }
}

/** Says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}
