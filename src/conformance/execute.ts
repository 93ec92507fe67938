import { constants } from 'node:os'
import { type Clock, errorText } from '../base/index.ts'
import { Program } from '../sys/index.ts'
import { setupError } from './errors.ts'

export interface ExecuteOptions {
  readonly clock: Clock
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds until it is killed (SIGKILL); default 20,000. */
  readonly timeoutMs?: number
}

export interface Execution {
  /** 128 + signal number if a signal ended it. */
  readonly exitCode: number
  /** At most 1 MiB. */
  readonly stdout: string
  /** At most 1 MiB. */
  readonly stderr: string
  readonly elapsedMs: number
}

const MOST_OUTPUT = 1 << 20
/** How long children of a killed program may keep its output open. */
const GRACE_MS = 5_000

/**
 * Runs a program to its end, without a shell. Resolves when it and whatever inherited its output have ended.
 *
 * @throws `conformance.setup` if it cannot be started
 */
export async function execute(argv: readonly string[], options: ExecuteOptions): Promise<Execution> {
  const [file, ...args] = argv
  if (file === undefined) throw new TypeError('an empty command')
  const { clock, stdin = '', timeoutMs = 20_000, env = process.env } = options
  const startMs = clock.nowMs()
  const program = new Program({ file, args, env, stdin, mostStdout: MOST_OUTPUT, mostStderr: MOST_OUTPUT })
  const kill = clock.after(timeoutMs, () => program.kill())
  const giveUp = clock.after(timeoutMs + GRACE_MS, () => program.dropOutputs())
  try {
    const { exitCode, signal, stdout, stderr } = await program.ended
    return {
      exitCode: exitCode ?? 128 + (signal === undefined ? 0 : constants.signals[signal]),
      stdout: stdout.toString(),
      stderr: stderr.toString(),
      elapsedMs: clock.nowMs() - startMs,
    }
  } catch (error) {
    throw setupError(`run ${file}`, `cannot run ${file}: ${errorText(error)}`, error)
  } finally {
    kill.cancel()
    giveUp.cancel()
  }
}
