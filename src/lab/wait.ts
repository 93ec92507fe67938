import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { type Clock, sleep } from '../base/index.ts'
import { labError, throwIfInterrupted } from './errors.ts'

export interface WaitOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
  /** The log whose tail the error shows. */
  readonly logFile?: string
}

const PAUSE_MS = 10

/**
 * Looks until `look` gives something else than undefined, and returns that. An error of `look` counts as "not yet";
 * the last one is the cause of the timeout error, so that it says why nothing came.
 */
export async function waitFor<T>(
  what: string,
  options: WaitOptions,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = options.clock.nowMs() + options.timeoutMs
  let lastError: unknown
  for (;;) {
    throwIfInterrupted(options.signal)
    try {
      const found = await look()
      if (found !== undefined) return found
      lastError = undefined
    } catch (error) {
      if (error instanceof NoUseWaiting) throw inVain(what, options, error)
      if (isFinal(error)) throw error
      lastError = error
    }
    if (options.clock.nowMs() >= deadline) throw timedOut(what, options, lastError)
    await sleep(options.clock, PAUSE_MS, options.signal)
  }
}

/** Thrown by a look that knows that waiting longer is in vain. */
export class NoUseWaiting extends Error {}

function isFinal(error: unknown): boolean {
  return error instanceof NoUseWaiting || (error instanceof Error && error.cause instanceof NoUseWaiting)
}

/** `promise`, or the error of a timeout that names `what`. The promise itself is not stopped. */
export async function withTimeout<T>(what: string, options: WaitOptions, promise: Promise<T>): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const timer = options.clock.after(options.timeoutMs, () => reject(timedOut(what, options, undefined)))
  try {
    return await Promise.race([promise, ended])
  } finally {
    timer.cancel()
  }
}

function timedOut(what: string, options: WaitOptions, cause: unknown) {
  const { log, tail } = endOfLog(options)
  const message = `waited ${options.timeoutMs} ms in vain for ${what}${tail}`
  const payload = { code: 'lab.timeout', waitedFor: what, timeoutMs: options.timeoutMs, log } as const
  return labError(`wait for ${what}`, message, payload, cause)
}

function inVain(what: string, options: WaitOptions, cause: NoUseWaiting) {
  const { log, tail } = endOfLog(options)
  const message = `${cause.message}, so there is no use waiting for ${what}${tail}`
  return labError(`wait for ${what}`, message, { code: 'lab.ended', waitedFor: what, log }, cause)
}

function endOfLog({ logFile }: WaitOptions): { readonly log: readonly string[]; readonly tail: string } {
  const log = logFile === undefined ? [] : logTail(logFile)
  return { log, tail: log.length === 0 ? '' : `; the end of ${logFile}:\n  ${log.join('\n  ')}` }
}

/** The last lines of a log file; empty if there is none. Reads at most 16 KiB. */
export function logTail(path: string, lines = 8): string[] {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return []
  }
  try {
    const { size } = fstatSync(fd)
    const buffer = Buffer.alloc(Math.min(size, 16 * 1024))
    const read = readSync(fd, buffer, 0, buffer.length, size - buffer.length)
    const text = buffer.toString('utf8', 0, read)
    return text
      .split('\n')
      .filter(line => line !== '')
      .slice(-lines)
  } finally {
    closeSync(fd)
  }
}
