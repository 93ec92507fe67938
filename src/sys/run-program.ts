import { type Clock, systemClock } from '../base/index.ts'
import { attempt, fromNative, sysError } from './errors.ts'
import { Program } from './program.ts'

/** How a program ended. */
export interface ProgramEnd {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end, without a shell; `environment` goes beside ours. A failing exit code is an answer, not an error.
 *
 * Throws `SysError`: `sys.enoent` if there is no such program, `sys.program-killed` if it had to be killed.
 */
export type RunProgram = (
  program: string,
  args: readonly string[],
  input: string,
  environment?: Readonly<Record<string, string>>,
) => Promise<ProgramEnd>

/** Of a program that hangs. */
const LONGEST_MS = 20_000
/** What a node with a hundred thousand rules prints of them, several times over. */
const MOST_STDOUT_BYTES = 1 << 27
/** Of what it says beside, the beginning is kept. */
const MOST_STDERR_BYTES = 1 << 20

/** Programs of administrators are not where every user looks for programs. */
const ADMINISTRATORS_PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin'

/** @param clock tells when a program that hangs is killed, with what it started */
export function programRunner(clock: Clock): RunProgram {
  return async (file, args, input, environment = {}) => {
    const op = `run ${file}`
    let isWhole = true
    let fault: string | undefined
    const stop = (what: string) => {
      fault ??= `${what} and was killed`
      program.killAll()
      program.dropOutputs()
    }
    const options = {
      file,
      args,
      env: programEnvironment(environment),
      cwd: '/',
      stdin: input,
      mostStdout: MOST_STDOUT_BYTES,
      mostStderr: MOST_STDERR_BYTES,
      onTooMuch: () => {
        isWhole = false
        stop(`printed more than ${MOST_STDOUT_BYTES} bytes`)
      },
    }
    const program = attempt(op, () => new Program(options))
    const timer = clock.after(LONGEST_MS, () => stop(`ran for more than ${LONGEST_MS / 1000} s`))
    try {
      const { exitCode, signal, stdout, stderr } = await program.ended
      // One that ended by itself has answered, also if who it left behind held its outputs until now.
      if (exitCode !== undefined && isWhole)
        return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
      throw sysError('sys.program-killed', op, `${file} ${fault ?? `was ended by ${signal}`}`)
    } catch (error) {
      throw fromNative(op, error)
    } finally {
      timer.cancel()
    }
  }
}

export const runProgram = programRunner(systemClock)

function programEnvironment(more: Readonly<Record<string, string>>) {
  const path = `${process.env['PATH'] ?? ''}:${ADMINISTRATORS_PATH}`
  return { ...process.env, PATH: path, LC_ALL: 'C', ...more }
}
