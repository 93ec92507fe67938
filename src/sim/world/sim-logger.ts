import type { LogFields, Logger } from '../../base/index.ts'
import type { Scheduler } from '../scheduler.ts'

/** What a process logs goes into the trace; the details of debug lines do not. */
export function simLogger(scheduler: Scheduler, owner: string): Logger {
  const tell = (message: string, fields?: LogFields) => {
    const error = fields?.['error'] ?? fields?.['why'] ?? fields?.['lacks']
    scheduler.note(
      error === undefined ? `${owner}: "${message}"` : `${owner}: "${message}" (${String(error)})`,
    )
  }
  const logger: Logger = { debug() {}, info: tell, warn: tell, error: tell, child: () => logger }
  return logger
}
