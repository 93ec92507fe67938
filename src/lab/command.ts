import { spawn } from 'node:child_process'
import { errorText } from '../base/index.ts'
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
 * Runs a program to its end, without a shell. It gets a session of its own, so that Ctrl-C on the terminal reaches
 * only us: an undo that is under way must not lose its helpers.
 *
 * @throws LabError `lab.tool-missing` if the program is not there; a failing exit code is a result, not an error.
 */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file, ...args] = argv
  if (file === undefined) throw new TypeError('an empty command')
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
  const child = spawn(file, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', chunk => stdout.push(chunk))
  child.stderr.on('data', chunk => stderr.push(chunk))
  child.stdin.on('error', () => undefined) // it may end without reading its input
  child.stdin.end(options.stdin ?? '')
  child.on('error', error => {
    clearTimeout(timer)
    const message = `cannot run ${file}: ${errorText(error)}; install it (see the README's set-up line)`
    reject(labError(`run ${file}`, message, { code: 'lab.tool-missing', tools: [file] }, error))
  })
  child.on('close', exitCode => {
    clearTimeout(timer)
    resolve({ exitCode: exitCode ?? -1, stdout: textOf(stdout), stderr: textOf(stderr) })
  })
  return promise
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8')
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
