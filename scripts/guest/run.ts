/**
 * Runs a command on a kernel of its own, with this machine's files, and ends as the command does.
 *
 *   run.ts [--timeout SECONDS] COMMAND [ARGUMENT...]
 *
 * The command starts in the repository, as root, with PATH, HOME and all PODLACE_... variables of the caller. What it
 * writes to files is gone afterwards. Exit status: the command's; 124 if it took too long; 125 if the guest failed.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { GuestLost, runInGuest } from './machine.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const DEFAULT_TIMEOUT_SECONDS = 600
const TOOK_TOO_LONG = 124
const GUEST_FAILED = 125
const NOBODY_READS = 141
const SIGNALS = new Map<NodeJS.Signals, number>([
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
])

function environment(): Map<string, string> {
  const passed = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|PODLACE_\w+)$/.test(name))
  return new Map(passed.map(([name, value = '']) => [name, value]))
}

async function main(words: readonly string[]): Promise<number> {
  const timed = words[0] === '--timeout'
  const timeoutSeconds = timed ? Number(words[1]) : DEFAULT_TIMEOUT_SECONDS
  const command = timed ? words.slice(2) : words
  if (command.length === 0 || !(timeoutSeconds > 0)) {
    process.stderr.write('usage: run.ts [--timeout SECONDS] COMMAND [ARGUMENT...]\n')
    return 2
  }
  const kernel = execFileSync(join(import.meta.dirname, 'kernel.sh'), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim()
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(TOOK_TOO_LONG), timeoutSeconds * 1000)
  for (const [signal, status] of SIGNALS) process.once(signal, () => abort.abort(status))
  process.stdout.on('error', () => abort.abort(NOBODY_READS))
  try {
    return await runInGuest({
      repository: REPOSITORY,
      kernel,
      command,
      environment: environment(),
      output: text => process.stdout.write(text),
      signal: abort.signal,
    })
  } catch (error) {
    if (abort.signal.aborted) return Number(abort.signal.reason)
    if (!(error instanceof GuestLost)) throw error
    process.stderr.write(`guest: ${error.message}\n`)
    return GUEST_FAILED
  } finally {
    clearTimeout(timer)
  }
}

process.exitCode = await main(process.argv.slice(2))
