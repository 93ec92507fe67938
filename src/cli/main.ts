import { runCli } from './program.ts'
import { stopSignal } from './stop-signal.ts'

/** The `podlace` command. */
async function main(): Promise<void> {
  const { signal, dispose } = stopSignal(process)
  const stdout = {
    isTerminal: process.stdout.isTTY && process.env['TERM'] !== 'dumb',
    get width() {
      // A terminal that does not know its size says 0.
      const { columns } = process.stdout
      return columns > 0 ? columns : 100
    },
    write: (text: string) => void process.stdout.write(text),
  }
  // A reader that goes away (`podlace lab status | head -1`) is no reason for a stack trace.
  process.stdout.on('error', () => process.exit(0))
  const stderr = { write: (text: string) => void process.stderr.write(text) }
  const context = {
    stdout,
    stderr,
    // Not before it is wanted: opening it changes what a terminal does.
    get stdin() {
      return process.stdin
    },
    env: process.env,
    uid: process.getuid?.() ?? -1,
    signal,
  }
  // The clock's timers keep no process, and a command that only waits for one is not done.
  const hold = setInterval(() => undefined, 60_000)
  try {
    process.exitCode = await runCli(process.argv.slice(2), context)
  } finally {
    clearInterval(hold)
    dispose()
  }
  // A handle that a failed command left open does not keep the process; a sound end does not wait for this.
  if (process.exitCode !== 0) setTimeout(() => process.exit(), 2_000).unref()
}

await main()
