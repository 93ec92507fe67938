import { execFile } from 'node:child_process'
import { fromNative, sysError } from './errors.ts'

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
const LONGEST_OUTPUT_BYTES = 1 << 27

/** Programs of administrators are not where every user looks for programs. */
const ADMINISTRATORS_PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin'

export const runProgram: RunProgram = (program, args, input, environment = {}) => {
  const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>()
  const options = {
    cwd: '/',
    env: {
      ...process.env,
      PATH: `${process.env['PATH'] ?? ''}:${ADMINISTRATORS_PATH}`,
      LC_ALL: 'C',
      ...environment,
    },
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
    maxBuffer: LONGEST_OUTPUT_BYTES,
  } as const
  const child = execFile(program, args, options, (error, stdout, stderr) => {
    if (error === null) resolve({ exitCode: 0, stdout, stderr })
    else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr })
    else reject(error.killed === true ? killed(program, error) : fromNative(`run ${program}`, error))
  })
  // It may end without reading its input.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  return promise
}

function killed(program: string, cause: Error) {
  const message = `${program} ran for more than ${LONGEST_MS / 1000} s, or said too much, and was killed`
  return sysError('sys.program-killed', `run ${program}`, message, cause)
}
