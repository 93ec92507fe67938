import { CommanderError } from 'commander'
import { errorText, hasCode, PodlaceError } from '../base/index.ts'

/** Exit statuses of the `podlace` command. */
export const EXIT = {
  ok: 0,
  /** What was asked could not be done. */
  failure: 1,
  /** The command line makes no sense. */
  usage: 2,
} as const

/** 128 + signal number, as shells report a program that a signal ended. */
const SIGNAL_STATUS: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }

export function signalStatus(signal: string): number {
  return SIGNAL_STATUS[signal] ?? EXIT.failure
}

/** A status that a command itself chose: nothing is printed for it. */
export class ExitWith extends Error {
  readonly status: number

  constructor(status: number) {
    super(`exit with ${status}`)
    this.status = status
  }
}

/** How an error ends the program: its status, and what goes to standard error (nothing if it was told already). */
export function explainError(error: unknown): { readonly status: number; readonly text?: string } {
  if (error instanceof ExitWith) return { status: error.status }
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return { status: error.exitCode === 0 ? EXIT.ok : EXIT.usage }
  const status = isUsage(error) ? EXIT.usage : EXIT.failure
  if (error instanceof PodlaceError) return { status, text: errorText(error) }
  // Not ours: a defect, or a failure nobody foresaw; the stack says where.
  return { status, text: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

/** What was asked makes no sense, wherever that was found out. */
function isUsage(error: unknown): boolean {
  return (
    hasCode(error, 'lab.bad-setting') ||
    hasCode(error, 'agent.config') ||
    hasCode(error, 'dhcp.config') ||
    hasCode(error, 'flanneld.flag') ||
    hasCode(error, 'overlay.net-conf') ||
    hasCode(error, 'cni.bad-setting')
  )
}

/**
 * An error as `-o json` prints it; `code` is stable and dotted, `internal` for what nobody foresaw. One of calling
 * plugins has its facts beside it.
 */
export function errorObject(
  error: unknown,
  text: string,
): { readonly code: string; readonly message: string } {
  const facts = hasCode(error, 'cni.runtime') ? error.payload : {}
  return { ...facts, code: error instanceof PodlaceError ? error.code : 'internal', message: text }
}
