import { errorText } from '../base/index.ts'
import { Program } from '../sys/index.ts'
import { labError } from './errors.ts'

export interface CommandOptions {
  readonly stdin?: string | Uint8Array
  /** Milliseconds until the process is killed; default 20,000. */
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

export interface CommandResult {
  /** 128 + signal number is not used: a killed process has -1. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program to its end, without a shell. Ctrl-C on the terminal does not reach it: an undo that is under way must
 * not lose its helpers.
 *
 * @throws LabError `lab.tool-missing` if the program is not there; a failing exit code is a result, not an error.
 */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [file, ...args] = argv
  if (file === undefined) throw new TypeError('an empty command')
  const { stdin = '', timeoutMs = 20_000, env = process.env } = options
  const program = new Program({ file, args, env, stdin, mostStdout: Infinity, mostStderr: Infinity })
  const timer = setTimeout(() => program.kill(), timeoutMs)
  try {
    const { exitCode = -1, stdout, stderr } = await program.ended
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
  } catch (error) {
    const message = `cannot run ${file}: ${errorText(error)}; install it (see the README's set-up line)`
    throw labError(`run ${file}`, message, { code: 'lab.tool-missing', tools: [file] }, error)
  } finally {
    clearTimeout(timer)
  }
}

/** The standard output of a program that must succeed. */
export async function commandOutput(
  what: string,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await runCommand(argv, options)
  if (result.exitCode === 0) return result.stdout
  const command = argv.join(' ')
  const stderr = result.stderr.trim()
  const ended = result.exitCode === -1 ? 'was killed (it took too long)' : `exited with ${result.exitCode}`
  const message = `cannot ${what}: \`${command}\` ${ended}${stderr === '' ? '' : `: ${stderr}`}`
  throw labError(what, message, { code: 'lab.command', command, exitCode: result.exitCode, stderr })
}
