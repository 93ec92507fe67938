import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Clock } from '../base/index.ts'
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
 * Runs a program to its end, without a shell. Resolves when it and whatever inherited its output have ended. It gets
 * a session of its own: Ctrl-C must not reach a plugin in the middle of its work.
 *
 * @throws `conformance.setup` if it cannot be started
 */
export function execute(argv: readonly string[], options: ExecuteOptions): Promise<Execution> {
  const [file, ...args] = argv
  if (file === undefined) throw new TypeError('an empty command')
  const { clock, stdin = '', timeoutMs = 20_000 } = options
  const { promise, resolve, reject } = Promise.withResolvers<Execution>()
  const startMs = clock.nowMs()
  const child = spawn(file, args, { detached: true, stdio: 'pipe', env: options.env ?? process.env })
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.on('error', () => undefined) // it may end without reading its input
  child.stdin.end(stdin)
  const kill = clock.after(timeoutMs, () => child.kill('SIGKILL'))
  const giveUp = clock.after(timeoutMs + GRACE_MS, () => {
    child.stdout.destroy()
    child.stderr.destroy()
  })
  child.on('error', error => {
    kill.cancel()
    giveUp.cancel()
    reject(setupError(`run ${file}`, `cannot run ${file}: ${error.message}`, error))
  })
  child.on('close', (code, signal) => {
    kill.cancel()
    giveUp.cancel()
    const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
    resolve({ exitCode, stdout: stdout(), stderr: stderr(), elapsedMs: clock.nowMs() - startMs })
  })
  return promise
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    if (length < MOST_OUTPUT) chunks.push(chunk.subarray(0, MOST_OUTPUT - length))
    length += chunk.length
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
