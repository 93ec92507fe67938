import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Call, CallResult, TaskResults } from './host-worker.ts'

const SOURCE = join(import.meta.dirname, 'spawn-timer.c')
const PROGRAM = join(import.meta.dirname, '../../.cache/spawn-timer')

/** Compiles the program that starts and times the others, if it is missing or older than its source. */
export function buildSpawnTimer(): void {
  if (existsSync(PROGRAM) && statSync(PROGRAM).mtimeMs >= statSync(SOURCE).mtimeMs) return
  mkdirSync(dirname(PROGRAM), { recursive: true })
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-pthread', '-o', PROGRAM, SOURCE])
}

/** Runs the calls, `parallel` at once, in the caller's namespaces; blocks until the last has ended. */
export function timeCalls(calls: readonly Call[], parallel: number, limitMs: number): TaskResults['calls'] {
  const input = Buffer.concat([Buffer.from(`${parallel} ${calls.length}\n`), ...calls.map(encodeCall)])
  const output = execFileSync(PROGRAM, { input, timeout: limitMs, maxBuffer: 64 * 1024 * 1024 })
  return decodeResults(output, calls.length)
}

function encodeCall({ argv, env, stdin }: Call): Buffer {
  const strings = [...argv, ...Object.entries(env).map(([key, value]) => `${key}=${value}`)]
  const head = `${argv.length} ${strings.length - argv.length} ${Buffer.byteLength(stdin)}\n`
  return Buffer.from(head + strings.map(text => `${text}\0`).join('') + stdin)
}

function decodeResults(output: Buffer, count: number): TaskResults['calls'] {
  let at = 0
  const take = (bytes: number): string => output.toString('utf8', at, (at += bytes))
  const line = (): number[] => {
    const text = take(output.indexOf('\n', at) - at)
    at += 1
    return text.split(' ').map(Number)
  }
  const results: CallResult[] = []
  for (let n = 0; n < count; n += 1) {
    const [exitCode = -1, ns = 0, stdoutBytes = 0, stderrBytes = 0] = line()
    results.push({ exitCode, ms: ns / 1e6, stdout: take(stdoutBytes), stderr: take(stderrBytes) })
  }
  return { results, totalMs: (line()[0] ?? 0) / 1e6 }
}
