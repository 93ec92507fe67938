import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { GuestLost, runInGuest } from './machine.ts'

export const REPOSITORY = join(import.meta.dirname, '../..')

const TOOK_TOO_LONG = 124
const GUEST_FAILED = 125
const NOBODY_READS = 141
const SIGNALS = new Map<NodeJS.Signals, number>([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
])

export interface SessionOptions {
  readonly timeoutSeconds: number
  /** Beside PATH, HOME and all PODLACE_... variables of this process. */
  readonly environment?: ReadonlyMap<string, string>
}

/**
 * Runs a command in a guest for whoever sits at this process's terminal: what it prints goes to standard output, signals
 * end it. Resolves with its exit status; 124 if it took too long, 125 if the guest failed, 128 and the number of the
 * signal that ended it.
 */
export async function guestSession(command: readonly string[], options: SessionOptions): Promise<number> {
  const kernel = guestKernel()
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(TOOK_TOO_LONG), options.timeoutSeconds * 1000)
  for (const [signal, status] of SIGNALS) process.once(signal, () => abort.abort(status))
  process.stdout.on('error', () => abort.abort(NOBODY_READS))
  try {
    return await runInGuest({
      repository: REPOSITORY,
      kernel,
      command,
      environment: new Map([...guestEnvironment(), ...(options.environment ?? [])]),
      output: text => process.stdout.write(text),
      signal: abort.signal,
    })
  } catch (error) {
    if (abort.signal.aborted) return statusOf(abort.signal, options.timeoutSeconds)
    if (!(error instanceof GuestLost)) throw error
    process.stderr.write(`guest: ${error.message}\n`)
    return GUEST_FAILED
  } finally {
    clearTimeout(timer)
  }
}

/** Of the kernel, which is fetched if it is not there. */
export function guestKernel(): string {
  return execFileSync(join(import.meta.dirname, 'kernel.sh'), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
}

/** What of this process's environment a command in the guest gets. */
export function guestEnvironment(): [string, string][] {
  const passed = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|PODLACE_\w+)$/.test(name))
  return passed.map(([name, value = '']) => [name, value])
}

function statusOf(signal: AbortSignal, timeoutSeconds: number): number {
  const status = Number(signal.reason)
  if (status === TOOK_TOO_LONG) process.stderr.write(`guest: ended after ${timeoutSeconds} s\n`)
  return status
}
