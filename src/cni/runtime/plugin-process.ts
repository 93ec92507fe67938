import { type ChildProcessByStdio, spawn } from 'node:child_process'
import process from 'node:process'
import type { Readable, Writable } from 'node:stream'
import { type Clock, errorText, sleep } from '../../base/index.ts'
import { runtimeError } from './errors.ts'

/** As much as the shim prints at most. */
const MAX_ANSWER_BYTES = 1 << 20
/** Of what a plugin says beside its answer, the beginning is kept. */
const MAX_REMARK_BYTES = 1 << 16
/** A binary that is just being written is worth waiting for. */
const BUSY_ATTEMPTS = 20
const BUSY_PAUSE_MS = 250

export interface PluginOutput {
  /** -1 if a signal ended it. */
  readonly exitCode: number
  readonly stdout: Uint8Array
  readonly stderr: string
}

export interface PluginProcess {
  /** The plugin's type, for messages. */
  readonly plugin: string
  readonly file: string
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly stdin: string
  /** Until it is killed with all it started. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Aborted, it kills the plugin. */
  readonly signal?: AbortSignal
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

/**
 * Runs a plugin to its end, in a session of its own: Ctrl-C on the terminal reaches only us. A failing exit code is an
 * answer, not an error.
 *
 * Throws `cni.runtime.plugin-not-started`, `.plugin-hung`, `.plugin-answer` (it printed too much), `.interrupted`.
 */
export async function runPluginProcess(run: PluginProcess): Promise<PluginOutput> {
  for (let attempt = 1; ; attempt += 1) {
    if (run.signal?.aborted) throw interrupted(run)
    try {
      return await runOnce(run)
    } catch (error) {
      if (!isBusy(error) || attempt === BUSY_ATTEMPTS) throw explain(run, error)
      await sleep(run.clock, BUSY_PAUSE_MS, run.signal)
    }
  }
}

function runOnce(run: PluginProcess): Promise<PluginOutput> {
  const { promise, resolve, reject } = Promise.withResolvers<PluginOutput>()
  const { file, args, env, stdin, clock, timeoutMs, signal } = run
  // Some reasons for not starting are thrown here, others are told by an event.
  const child = spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'], env, cwd: '/' })
  let fault: Error | undefined
  const stop = (why: Error) => {
    fault ??= why
    kill(child)
  }
  const onAbort = () => stop(interrupted(run))
  const timer = clock.after(timeoutMs, () => stop(hung(run)))
  signal?.addEventListener('abort', onAbort, { once: true })
  const stdout = collect(child.stdout, MAX_ANSWER_BYTES, () => stop(tooLong(run)))
  const stderr = collect(child.stderr, MAX_REMARK_BYTES)
  child.stdin.on('error', () => undefined) // it may end without reading its input
  child.stdin.end(stdin)
  const settle = (outcome: () => void) => {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
    outcome()
  }
  child.on('error', error => settle(() => reject(error)))
  child.on('close', code => {
    const output = { exitCode: code ?? -1, stdout: stdout(), stderr: Buffer.from(stderr()).toString('utf8') }
    settle(() => (fault === undefined ? resolve(output) : reject(fault)))
  })
  return promise
}

/** Keeps the first `limit` bytes, and tells if there are more. */
function collect(stream: Readable, limit: number, onMore: () => void = () => undefined): () => Uint8Array {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    const room = limit - length
    if (chunk.length > room) onMore()
    if (room > 0) chunks.push(chunk.subarray(0, room))
    length += Math.min(chunk.length, room)
  })
  return () => Buffer.concat(chunks)
}

/** The plugin with what it started. Those who hold its outputs and are beyond our reach are not waited for. */
function kill(child: Child): void {
  const ended = child.exitCode !== null || child.signalCode !== null
  if (!ended && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  child.stdout.destroy()
  child.stderr.destroy()
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ETXTBSY'
}

/** What the system says about a program that it does not start, in our words. */
function explain({ plugin, file }: PluginProcess, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  const message = `plugin ${plugin} cannot be started from ${file}: ${errorText(error)}`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-not-started', plugin }, error)
}

function interrupted({ plugin }: PluginProcess) {
  return runtimeError(`run ${plugin}`, `interrupted at plugin ${plugin}`, { code: 'cni.runtime.interrupted' })
}

function hung({ plugin, timeoutMs }: PluginProcess) {
  const message = `plugin ${plugin} did not end within ${timeoutMs / 1000} s and was killed`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-hung', plugin, timeoutMs })
}

function tooLong({ plugin }: PluginProcess) {
  const message = `plugin ${plugin} printed more than ${MAX_ANSWER_BYTES} bytes and was killed`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-answer', plugin })
}
