import { execFileSync } from 'node:child_process'
import type { Call, CallResult, Program, TaskResults } from './host-worker.ts'
import { programPath } from './programs.ts'

/**
 * Runs the calls, `parallel` at once, in the caller's namespaces; blocks until the last has ended. The program that
 * starts and times them must have been built.
 */
export function timeCalls(calls: readonly Call[], parallel: number, limitMs: number): TaskResults['calls'] {
  const input = Buffer.concat([Buffer.from(`${parallel} ${calls.length}\n`), ...calls.map(encodeCall)])
  const output = execFileSync(programPath('spawn-timer'), {
    input,
    timeout: limitMs,
    maxBuffer: 64 * 1024 * 1024,
  })
  return decodeResults(output, calls.length)
}

function encodeCall(call: Call): Buffer {
  const programs = [call, ...(call.followedBy ?? [])]
  return Buffer.concat([
    Buffer.from(`${programs.length}\n${call.untilGone ?? ''}\0`),
    ...programs.map(encodeProgram),
  ])
}

function encodeProgram({ argv, env, stdin, stdinEnd = '' }: Program): Buffer {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const lengths = [argv.length, variables.length, Buffer.byteLength(stdin), Buffer.byteLength(stdinEnd)]
  const strings = [...argv, ...variables].map(text => `${text}\0`)
  return Buffer.from([`${lengths.join(' ')}\n`, ...strings, stdin, stdinEnd].join(''))
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
