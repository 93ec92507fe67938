import { Readable } from 'node:stream'
import type { CliContext } from './context.ts'
import { runCli } from './program.ts'

export interface Caller {
  readonly uid: number
  /** The whole environment. */
  readonly env: CliContext['env']
  readonly stdin?: string
  readonly signal?: AbortSignal
}

/** Runs a command line as that caller, into the ends of pipes. */
export async function runAs(caller: Caller, ...args: string[]) {
  const { uid, env, stdin = '', signal = new AbortController().signal } = caller
  let out = ''
  let err = ''
  const context: CliContext = {
    stdout: { isTerminal: false, width: 100, write: text => void (out += text) },
    stderr: { write: text => void (err += text) },
    stdin: Readable.from([Buffer.from(stdin)]),
    env,
    uid,
    signal,
  }
  return { status: await runCli(args, context), out, err }
}
